/** What the documents say is there: links, paths, commands, settings. */
import assert from "node:assert/strict";
import { dirname, join, normalize } from "node:path/posix";
import { describe, test } from "node:test";
import { buildProgram } from "../../src/cli/program.js";
import { AGENT_SETTINGS } from "../../src/cli/settings/agent-settings.js";
import { SAMPLE_STORE_SETTINGS } from "../../src/cli/settings/sample-store-settings.js";
import { SCHEDULER_SETTINGS } from "../../src/cli/settings/scheduler-settings.js";
import { rowsOf } from "./settings-rows.js";
import { repositoryHas, textFiles } from "./source-files.js";

const documents = textFiles().filter((file) => file.path.endsWith(".md"));
const document = (path: string): string => documents.find((file) => file.path === path)?.text ?? "";

/** Text outside of fenced code. */
const prose = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, "");

/** GitHub's names of headings. */
const anchors = (text: string): readonly string[] =>
  [...prose(text).matchAll(/^#+ (.*)$/gm)].map((match) =>
    match[1]!
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

describe("links lead somewhere", () => {
  for (const file of documents) {
    test(file.path, () => {
      const broken = [...prose(file.text).matchAll(/\]\(([^)\s]+)\)/g)]
        .map((match) => match[1]!)
        .filter((target) => !/^[a-z]+:/.test(target))
        .filter((target) => {
          const [path = "", anchor] = target.split("#");
          const full = path === "" ? file.path : normalize(join(dirname(file.path), path));
          if (!repositoryHas(full)) return true;
          return anchor !== undefined && full.endsWith(".md") && !anchors(document(full)).includes(anchor);
        });
      assert.deepEqual(broken, []);
    });
  }
});

test("every path that a document names in code type exists", () => {
  const missing = documents.flatMap((file) =>
    [...prose(file.text).matchAll(/`((?:src|test|scripts|docs|bin|openapi)\/[\w./-]*)`/g)]
      .filter((match) => !match[1]!.includes("NNNN") && !repositoryHas(match[1]!))
      .map((match) => `${file.path}: ${match[1]}`),
  );
  assert.deepEqual(missing, []);
});

test("ARCHITECTURE names a good part of the source files", () => {
  const named = [...document("ARCHITECTURE.md").matchAll(/`(src\/[\w./-]+\.ts)`/g)].map((match) => match[1]);
  assert.ok(new Set(named).size > 50, `${new Set(named).size}`);
});

test("README's table of commands is that of the program", () => {
  const table = [...document("README.md").matchAll(/^\| `headroom ([a-z]+)/gm)].map((match) => match[1]);
  assert.deepEqual(
    table.sort(),
    buildProgram()
      .commands.map((command) => command.name())
      .sort(),
  );
});

const settingsOf = (path: string): string =>
  /^\| setting \| names .*\n\|---.*\n((?:\|.*\n)*)/m.exec(document(path))?.[1]?.trim() ?? "";

test("docs/operating.md lists every setting of an agent with its names, its default and its meaning", () => {
  assert.equal(settingsOf("docs/operating.md"), rowsOf(AGENT_SETTINGS));
});

test("docs/cluster.md does the same for a scheduler", () => {
  assert.equal(settingsOf("docs/cluster.md"), rowsOf(SCHEDULER_SETTINGS));
});

test("docs/stores.md does the same for whatever uses the sample store", () => {
  assert.equal(settingsOf("docs/stores.md"), rowsOf(SAMPLE_STORE_SETTINGS));
});
