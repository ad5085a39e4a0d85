/**
 * A machine recorded as one text: what the topology reader reads of it, so that any host can be sent along with a
 * question and read again anywhere. A line is `path<TAB>content`; `cpu{0-3,8}` in a path stands for each of those pCPUs;
 * a path that ends in `/` is a folder without anything read in it; `\n` and `\\` are escaped; `#` starts a comment.
 */
import { cpuSetOf, formatCpuSet, parseCpuSet } from "../cpuset.js";
import { TopologyFormatError } from "./format-error.js";
import type { HostFiles } from "./host-files.js";
import { readTopology } from "./sysfs.js";

/** First line of every recorded host; tells it from JSON. */
export const RECORDED_HOST_HEADER = "# headroom recorded host";

const unescapeContent = (text: string): string => text.replace(/\\([n\\])/g, (_, code) => (code === "n" ? "\n" : "\\"));
const escapeContent = (text: string): string => text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");

function expandPath(path: string, line: number): string[] {
  const match = /^([^{}]*)\{([^{}]*)\}([^{}]*)$/.exec(path);
  if (match === null) {
    if (/[{}]/.test(path)) throw new TopologyFormatError(`line ${line}`, `"${path}"`, "one CPU set in braces per path");
    return [path];
  }
  try {
    return parseCpuSet(match[2]!).map((id) => `${match[1]}${id}${match[3]}`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new TopologyFormatError(`line ${line}`, `"${path}" (${error.message})`, "a CPU set in the braces");
  }
}

/** The files of a recorded host. Throws `TopologyFormatError` with the line that is malformed. */
export function parseRecordedHost(text: string): HostFiles {
  const contents = new Map<string, string>();
  const folders = new Map<string, Set<string>>();
  const addToFolders = (path: string): void => {
    for (let cut = path.lastIndexOf("/"), rest = path; cut >= 0; cut = rest.lastIndexOf("/")) {
      const folder = rest.slice(0, cut);
      const names = folders.get(folder) ?? new Set();
      folders.set(folder, names.add(rest.slice(cut + 1)));
      rest = folder;
    }
  };
  for (const [i, line] of text.split("\n").entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const tab = line.indexOf("\t");
    const pattern = tab < 0 ? line.trim() : line.slice(0, tab);
    if (!pattern.startsWith("/") || (tab < 0 && !pattern.endsWith("/"))) {
      throw new TopologyFormatError(
        `line ${i + 1}`,
        `"${line.slice(0, 40)}"`,
        "an absolute path, a tab and the content",
      );
    }
    for (const path of expandPath(pattern, i + 1)) {
      addToFolders(path.replace(/\/$/, ""));
      if (tab >= 0) contents.set(path, `${unescapeContent(line.slice(tab + 1))}\n`);
    }
  }
  return {
    readText: (path) => contents.get(path) ?? null,
    listFolder: (path) => [...(folders.get(path) ?? [])],
  };
}

/** Lines of equal content whose paths differ in the pCPU only become one; those of the same file stand together. */
function mergeLines(entries: readonly (readonly [path: string, content: string])[]): string[] {
  const byFile = new Map<string, Map<string, number[]>>();
  for (const [path, content] of entries) {
    const match = /^\/sys\/devices\/system\/cpu\/cpu(\d+)(\/.*)$/.exec(path);
    const file = match === null ? path : `/sys/devices/system/cpu/cpu*${match[2]!}`;
    const contents = byFile.get(file) ?? new Map<string, number[]>();
    byFile.set(file, contents);
    contents.set(content, [...(contents.get(content) ?? []), Number(match?.[1] ?? 0)]);
  }
  return [...byFile].flatMap(([file, contents]) =>
    [...contents].map(([content, ids]) => {
      const set = formatCpuSet(cpuSetOf(ids));
      return file.replace("*", ids.length === 1 ? set : `{${set}}`) + content;
    }),
  );
}

/** Only the total: the rest of meminfo changes while one looks, and is nobody's business. */
const keepTotal = (text: string): string => text.split("\n").find((line) => line.includes("MemTotal:")) ?? "";

/** Records what the topology reader reads of `files`. Throws `TopologyFormatError` when the host has no readable pCPU. */
export function recordHost(files: HostFiles): string {
  const read = new Map<string, string>();
  const listed = new Set<string>();
  readTopology({
    readText: (path) => {
      const text = files.readText(path);
      if (text !== null) read.set(path, path.endsWith("meminfo") ? keepTotal(text) : text.trimEnd());
      return text;
    },
    listFolder: (path) => {
      const names = files.listFolder(path);
      for (const name of names) if (/^(cpu|node|index)\d+$/.test(name)) listed.add(`${path}/${name}/`);
      return names;
    },
  });
  const empty = [...listed].filter((folder) => ![...read.keys()].some((path) => path.startsWith(folder)));
  const entries = [
    ...[...read].map(([path, text]) => [path, `\t${escapeContent(text)}`] as const),
    ...empty.map((path) => [path, ""] as const),
  ];
  return `${[RECORDED_HOST_HEADER, ...mergeLines(entries)].join("\n")}\n`;
}
