/** The agent's log in both forms: JSON lines for machines, plain lines for people. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { agentLog } from "../../src/cli/host/agent-log.js";
import { OperationalError } from "../../src/ports/errors.js";

function logged(format: "auto" | "json" | "text", isTTY: boolean, level: "debug" | "info" | "warn" = "info"): string[] {
  const lines: string[] = [];
  const log = agentLog(level, format, { write: (text: string) => lines.push(text), isTTY });
  log.info({ vm: "web", vcpus: 4 }, "deployed");
  log.warn({ err: new Error("libvirt is gone") }, "the tick failed");
  return lines;
}

const withoutColour = (line: string): string => stripVTControlCharacters(line);

describe("the form follows the output, unless it is set", () => {
  test("JSON where nobody looks", () => {
    const [first, second] = logged("auto", false);
    const line = JSON.parse(first!) as Record<string, unknown>;
    assert.deepEqual({ ...line, time: "" }, { level: "info", time: "", vm: "web", vcpus: 4, msg: "deployed" });
    assert.match(String(line.time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    assert.match(second!, /"err":\{.*"message":"libvirt is gone"/);
  });

  test("lines for people on a terminal", () => {
    const [first, second] = logged("auto", true).map(withoutColour);
    assert.match(first!, /^\d\d:\d\d:\d\d info {2}deployed vm=web vcpus=4\n$/);
    assert.match(second!, /^\d\d:\d\d:\d\d warn {2}the tick failed libvirt is gone\n$/);
  });

  test("as set, whatever the output", () => {
    assert.doesNotThrow(() => JSON.parse(logged("json", true)[0]!));
    assert.match(withoutColour(logged("text", false)[0]!), /info {2}deployed/);
  });
});

test("an operational failure is told by its words and those of its causes, once each, and without a stack", () => {
  const lines: string[] = [];
  const log = agentLog("info", "json", { write: (text: string) => lines.push(text), isTTY: false });
  const cause = new Error("refused", { cause: new Error("no such port") });
  log.warn({ err: new OperationalError("store-unreachable", "the store is away: refused", true, { cause }) }, "no");
  const { err } = JSON.parse(lines[0]!) as { err: object };
  assert.deepEqual(err, {
    type: "OperationalError",
    code: "store-unreachable",
    message: "the store is away: refused: no such port",
  });
});

test("lines below the level are not written", () => {
  assert.equal(logged("json", false, "warn").length, 1);
});
