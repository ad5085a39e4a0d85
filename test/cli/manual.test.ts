/** The manual page has every command and every option, and is roff that groff reads without a complaint. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import type { Command } from "commander";
import { manualPage } from "../../src/cli/manual/page.js";
import { buildProgram } from "../../src/cli/program.js";
import { isInstalled } from "../support/servers.js";

const page = manualPage(buildProgram(), "2026-11-28");
const flat = (text: string): string => text.replaceAll("\\-", "-").replaceAll("\\e", "\\").replaceAll("\\(dq", '"');

test("it has every command, every option and every example", () => {
  const text = flat(page);
  const visit = (command: Command, path: string): void => {
    assert.ok(text.includes(`.SS "${path}`), path);
    for (const option of command.options) assert.ok(text.includes(option.flags), `${path} ${option.flags}`);
    for (const child of command.commands) visit(child, `${path} ${child.name()}`);
  };
  for (const command of buildProgram().commands)
    if (command.name() !== "help") visit(command, `headroom ${command.name()}`);
  assert.match(text, /headroom estimate --load trace\.json --compare --out results/);
});

test("no line of text is taken for a macro", () => {
  const macros = page.split("\n").flatMap((line) => /^[.'](\S*)/.exec(line)?.[1] ?? []);
  assert.deepEqual([...new Set(macros)].sort(), ["B", "PP", "SH", "SS", "TH", "TP", "fi", "nf"]);
});

test("groff reads it", { skip: isInstalled("groff") ? false : "groff is not installed (groff-base)" }, () => {
  const { status, stderr } = spawnSync("groff", ["-man", "-Tutf8", "-wsyntax", "-wmac", "-K", "utf8"], {
    input: page,
    encoding: "utf8",
  });
  assert.deepEqual([status, stderr], [0, ""]);
});
