/**
 * Where a command's topology comes from: this machine, a preset, a file (JSON of either format, recorded host) or a folder
 * that holds a copy of another machine's `sys` and `proc`.
 */
import { readFileSync, statSync } from "node:fs";
import { excludePcpus } from "../core/topology/exclude.js";
import { TopologyFormatError } from "../core/topology/format-error.js";
import type { HostFiles } from "../core/topology/host-files.js";
import { parseTopologyText } from "../core/topology/parse-text.js";
import { PRESETS, presetTopology } from "../core/topology/presets.js";
import { type HostReading, readTopology } from "../core/topology/sysfs.js";
import { linuxHostFiles } from "../drivers/linux/host-files.js";
import { OperationalError } from "../ports/errors.js";
import { UsageError } from "./exit.js";

/** What the setting says for "this machine". */
export const THIS_MACHINE = "auto";

/** The files behind a source, where it is a machine or a copy of one; null for presets and files. */
export function hostFilesOf(source: string | null): HostFiles | null {
  if (source === null || source === THIS_MACHINE) return linuxHostFiles();
  return isFolder(source) ? linuxHostFiles(source) : null;
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

function readSource(source: string): HostReading {
  const preset = presetTopology(source);
  if (preset !== null) return { topology: preset, warnings: [] };
  let text: string;
  try {
    text = readFileSync(source, "utf8");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file or preset" : message;
    throw new UsageError(
      `topology ${source}: ${why}; allowed: a file, a folder with sys and proc, or a preset (${[...PRESETS.keys()].join(", ")})`,
    );
  }
  return parseTopologyText(text);
}

/**
 * The topology that `source` names (null or `auto`: this machine) without the pCPUs of `exclude`, and warnings for
 * people. Throws `UsageError` for a bad source or a bad exclusion, `host-unreadable` for a machine that cannot be read.
 */
export function loadTopology(source: string | null, exclude: readonly number[] = []): HostReading {
  const name = source ?? THIS_MACHINE;
  let reading: HostReading;
  try {
    const files = hostFilesOf(source);
    reading = files === null ? readSource(name) : readTopology(files);
  } catch (error) {
    if (!(error instanceof TopologyFormatError)) throw error;
    if (name === THIS_MACHINE) throw new OperationalError("host-unreadable", error.message, false, { cause: error });
    throw new UsageError(`${name}: ${error.message}`, { cause: error });
  }
  try {
    return { ...reading, topology: excludePcpus(reading.topology, exclude) };
  } catch (error) {
    if (error instanceof TopologyFormatError) throw new UsageError(error.message, { cause: error });
    throw error;
  }
}
