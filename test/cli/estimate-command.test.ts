import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { emptyProgram, inherited, runProgram } from "../../src/cli/assemble.js";
import { estimateCommand } from "../../src/cli/commands/estimate.js";
import { hostWindow, traceOf, vmWindow, withFile } from "../estimator/traces.js";

const TRACE = JSON.stringify(
  traceOf([hostWindow([1, 2]), hostWindow([2, 3]), hostWindow([1, 2])], {
    web: [vmWindow(0, [1, 2]), vmWindow(60, [2, 3])],
  }),
);

async function headroom(...args: readonly string[]): Promise<{ readonly code: number; readonly errors: string }> {
  let errors = "";
  const stderr = {
    write: (text: string) => {
      errors += text;
    },
  };
  const program = inherited(
    emptyProgram().addCommand(estimateCommand({ stdout: { write: () => true }, stderr }, null)),
  );
  return { code: await runProgram(program, ["estimate", ...args], stderr), errors };
}

const linesOf = (path: string): Record<string, unknown>[] =>
  readFileSync(path, "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test("leaves a line for each window, and a summary", async () => {
  await withFile(TRACE, async (path, folder) => {
    const out = join(folder, "out");
    assert.deepEqual(await headroom("--load", path, "--strategy", "nsigma", "--no-caution", "--out", out), {
      code: 0,
      errors: "",
    });
    assert.deepEqual(readdirSync(out).sort(), ["estimates.jsonl", "summary.json"]);
    const lines = linesOf(join(out, "estimates.jsonl"));
    assert.deepEqual(
      lines.map(({ occurrence, epoch, bookedCpu, cpu }) => [
        occurrence,
        epoch,
        bookedCpu,
        (cpu as { free: number }).free,
      ]),
      [
        [0, 60, 4, 6],
        [1, 120, 4, 10 - (2 + 5 * Math.SQRT1_2)],
        [2, 180, 0, 10 - (2 + 5 * Math.SQRT1_2)],
      ],
    );
    const summary = JSON.parse(readFileSync(join(out, "summary.json"), "utf8")) as Record<string, object>;
    assert.deepEqual(summary.trace, { nodeName: "n", windows: 3, windowSeconds: 60, slices: 1, history: 1, vms: 1 });
  });
});

test("rounds as the seed where it is to be faithful", async () => {
  await withFile(TRACE, async (path, folder) => {
    assert.equal((await headroom("-l", path, "-s", "scroogevm", "--faithful", "--out", folder)).code, 0);
    const free = linesOf(join(folder, "estimates.jsonl")).map(({ cpu }) => (cpu as { free: number }).free);
    assert.deepEqual(free, [6.8, 5.4, 5.4]);
  });
});

test("writes the seed's dump beside its own files when asked to", async () => {
  await withFile(TRACE, async (path, folder) => {
    assert.equal(
      (await headroom("-l", path, "-s", "doa", "-c", "95", "-m", "99", "-a", "2", "-d", "1", "-o", folder)).code,
      0,
    );
    const dump = JSON.parse(readFileSync(join(folder, "dump-n_c95_m99_a2.json"), "utf8")) as Record<string, object>;
    assert.deepEqual(Object.keys(dump), ["vm", "epoch", "config", "model", "node"]);
  });
});

for (const [args, complaint] of [
  [["--strategy", "best"], /Allowed choices are borg, doa, greedy/],
  [["--cpu", "101"], /Allowed: a number from 0 to 100/],
  [["--aggreg", "1.5"], /Allowed: a whole number from 1/],
  [["--assessor", "oracle"], /Allowed choices are lstm/],
] as const) {
  test(`refuses ${args.join(" ")} as wrong usage`, async () => {
    const { code, errors } = await headroom("--load", "trace.json", ...args);
    assert.equal(code, 2);
    assert.match(errors, complaint);
  });
}

for (const args of [["--compare"], ["--compare", "--strategy", "borg", "--out", "out"]]) {
  test(`refuses ${args.join(" ")} as wrong usage`, async () => {
    const { code, errors } = await headroom("--load", "trace.json", ...args);
    assert.equal(code, 2);
    assert.match(errors, /--compare (needs --out|runs every strategy)/);
  });
}

test("says that there is no such trace, and writes nothing", async () => {
  await withFile("", async (path, folder) => {
    const { code, errors } = await headroom("--load", `${path}.gz`, "--out", join(folder, "out"));
    assert.equal(code, 1);
    assert.match(errors, /trace\.json\.gz: no such file/);
    assert.deepEqual(readdirSync(join(folder, "out")), []);
  });
});
