/** SweetSpotVM's experiment again: the paper's template beside one ratio for all, on a reference trace. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { reproduceCommand } from "../../src/cli/commands/reproduce.js";
import { UsageError } from "../../src/cli/exit.js";
import { parsed } from "./support.js";

const TRACE = fileURLToPath(new URL("../golden/data/sweetspotvm/small/trace.csv.gz", import.meta.url));

async function reproduced(out: string, topology: string): Promise<string> {
  let stdout = "";
  const terminal = { stdout: { write: (text: string) => (stdout += text) }, stderr: { write: () => true } };
  const args = ["sweetspot", "--topology", topology, "--load", TRACE, "--out", out];
  await reproduceCommand(terminal).exitOverride().parseAsync(args, { from: "user" });
  return stdout;
}

test("several ratios in one VM need fewer pCPUs than none oversubscribed, and more than all at the highest ratio", async (t) => {
  const out = await mkdtemp(join(tmpdir(), "headroom-sweetspot-"));
  t.after(() => rm(out, { recursive: true }));
  const stdout = await reproduced(out, "epyc-7662-2s");
  const { columns, rows } = parsed(await readFile(join(out, "templates.csv"), "utf8"));
  const of = (template: string | number, column: string) =>
    rows.filter((row) => row[0] === template).map((row) => row[columns.indexOf(column)] as number);
  const papers = of("1.0,1.5,2.6", "pcpus")[0]!;
  assert.ok(papers < of(1, "pcpus")[0]! && papers > of(2.6, "pcpus")[0]!, JSON.stringify(rows));
  assert.deepEqual(of("1.0,1.5,2.6", "pool"), [1, 1.5, 2.6]);
  for (const template of [1, 1.5, 2.6]) {
    const [sold, held] = [of(template, "pool_vcpus")[0]!, of(template, "pool_pcpus")[0]!];
    assert.equal(held, Math.ceil(sold / template), `template ${template}: all VMs stayed, at its ratio`);
    assert.equal(of(template, "pool_vcpus")[0], of(1, "pool_vcpus")[0], `template ${template}: the same VMs`);
  }
  assert.match(
    stdout,
    /^template 1\.0,1\.5,2\.6: \d+ pCPUs at the most \([\d.]+ % of the host\), \d+ deployed, \d+ refused$/m,
  );
  assert.match(await readFile(join(out, "report.html"), "utf8"), /figure 5 of its paper/);
});

test("a topology that does not exist is named, and nothing is written", async () => {
  await assert.rejects(reproduced("/nonexistent", "epyc-0000"), (error) => {
    assert.ok(error instanceof UsageError);
    return /epyc-0000/.test(error.message);
  });
});
