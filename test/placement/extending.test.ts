/** The sample of docs/extending.md is code that works: it is type-checked, and its rules are run. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { NO_CONSTRAINTS } from "../../src/core/placement/model.js";
import { placer } from "./extending-sample.js";
import { host, shape } from "./random.js";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

/** Code without imports and comments of the file's opening, line by line. */
const statements = (code: string): readonly string[] =>
  code
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("import "))
    .map((line) => line.trimEnd());

test("the sample that the document shows is the one that is tested", () => {
  const blocks = [...read("../../docs/extending.md").matchAll(/^```ts\n([\s\S]*?)^```/gm)].map((match) => match[1]!);
  const sample = statements(read("./extending-sample.ts")).slice(1);
  assert.deepEqual(statements(blocks.join("\n")), sample);
});

test("the sample's filter vetoes with its reason, and its weigher decides among equal hosts", () => {
  placer.upsertHost(host("a", { labels: { "watts-free": "100" } }));
  placer.upsertHost(host("b", { labels: { "watts-free": "1500" } }));
  placer.upsertHost(host("c", { labels: { "watts-free": "none" } }));
  assert.deepEqual(
    [...placer.candidates(shape(4, 16))].map(({ hostId }) => hostId),
    ["b", "a", "c"],
  );
  assert.equal(placer.choose(shape(17, 16)), null);
  const { hosts, vetoes } = placer.explain(shape(17, 16), NO_CONSTRAINTS);
  assert.deepEqual(vetoes, { "largest-share": 3 });
  const verdict = hosts[0]!.verdicts.find(({ filter }) => filter === "largest-share");
  assert.equal(verdict?.veto, "the VM has 17 vCPUs, one VM may have 16 here");
});
