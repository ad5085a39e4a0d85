/** Lists of VMs as people write them, and what is said of those that are wrong. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { run } from "../../src/cli/program.js";
import { OperationalError } from "../../src/ports/errors.js";
import { readInventory } from "../../src/trace/workload/inventory.js";

const folder = mkdtempSync(join(tmpdir(), "headroom-inventory-"));
after(() => rmSync(folder, { recursive: true }));

function file(text: string | Buffer, name = "vms.csv"): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

test("vCPUs and memory are enough: ratio 1, there from the beginning, for ever", async () => {
  assert.deepEqual(await readInventory(file("vcpus,memory_gib\n4,1.5\n")), [
    { id: "1", vcpus: 4, memoryMiB: 1536, ratio: 1, arrival: 0, departure: Number.POSITIVE_INFINITY },
  ]);
});

test("the experiment's columns are read by their names; what is reserved counts before what was sold", async () => {
  const text = "vm_id,cpu,mem_gb,oc,arrival_s,departure_s,mem_mb_eff,permanent\n330,4,15,3,0,6840,8192,0\n";
  assert.deepEqual(await readInventory(file(gzipSync(text), "vms.csv.gz")), [
    { id: "330", vcpus: 4, memoryMiB: 8192, ratio: 3, arrival: 0, departure: 6840 },
  ]);
});

test("semicolons, quotes, a byte order mark and empty lines are no matter", async () => {
  const vms = await readInventory(file('\uFEFFName;vCPUs;RAM;Ratio\r\n"web ""1"";x";2;2048;1.5\r\n\r\ndb;4;4096;\r\n'));
  assert.deepEqual(
    vms.map(({ id, vcpus, memoryMiB, ratio }) => [id, vcpus, memoryMiB, ratio]),
    [
      ['web "1";x', 2, 2048, 1.5],
      ["db", 4, 4096, 1],
    ],
  );
});

describe("wrong files are said by line and field", () => {
  const cases: readonly (readonly [text: string, expected: RegExp])[] = [
    ["", /is empty; a header line is needed/],
    ["vcpus,memory_mib\n", /line 1: a header, but no VM after it/],
    [
      "cores,memory_mib\n1,2\n",
      /line 1: no column for vCPUs: expected one named vcpus or cpu .*; it has cores, memory_mib/,
    ],
    ["vcpus\n1\n", /line 1: no column for memory: expected one named memory_mib or memory_gib/],
    ["vcpus,memory_mib\n1,2\n2\n", /line 3: 1 fields, the header names 2 columns/],
    ["vcpus,memory_mib\n1.5,2\n", /line 2: vcpus is "1.5"; allowed: a whole number from 1 to 100000/],
    ["vcpus,memory_mib\n,2\n", /line 2: vcpus is ""/],
    ["vcpus,memory_mib\n1,-2\n", /line 2: memory_mib is "-2"; allowed: a number from 0/],
    ["vcpus,memory_mib\n1,0x10\n", /line 2: memory_mib is "0x10"/],
    ["vcpus,memory_mib,ratio\n1,2,0.5\n", /line 2: ratio is "0.5"; allowed: a number from 1 to 1000/],
    ["vcpus,memory_mib,arrival_s,departure_s\n1,2,9,8\n", /line 2: departure_s 8 is before the arrival at 9/],
    ['vcpus,memory_mib,name\n1,2,"a\n', /line 2: a quoted field has no end on this line/],
    ['vcpus,memory_mib,name\n1,2,"a"b\n', /line 2: after a quoted field comes "b"/],
    [
      `vcpus,memory_mib,ratio\n${Array.from({ length: 17 }, (_, i) => `1,2,${i + 1}`).join("\n")}\n`,
      /more than 16 different ratios/,
    ],
  ];
  for (const [text, expected] of cases) {
    test(JSON.stringify(text.slice(0, 50)), async () => {
      await assert.rejects(readInventory(file(text)), (error) => {
        assert.ok(error instanceof OperationalError && error.code === "bad-input-file");
        assert.match(error.message, expected);
        return true;
      });
    });
  }
});

describe("headroom size", () => {
  const size = async (args: readonly string[]): Promise<{ code: number; err: string }> => {
    const written: string[] = [];
    const code = await run(["size", ...args], { write: (text) => written.push(text) });
    return { code, err: written.join("") };
  };

  test("says what is wrong with its arguments, its file, and VMs that no host takes", async () => {
    const path = file("name,vcpus,memory_mib\nbig,64,1024\n");
    const wrong = async (args: readonly string[], code: number, message: RegExp): Promise<void> => {
      const answer = await size(args);
      assert.match(answer.err, message);
      assert.equal(answer.code, code);
    };
    await wrong(
      ["--workload", path, "--host", "32"],
      2,
      /--host 32: expected pCPUs x MiB of one host, such as 32x131072/,
    );
    await wrong(
      ["--workload", path, "--host", "32x1024", "--policy", "worst-fit"],
      2,
      /there is no "worst-fit"; allowed: first-fit/,
    );
    await wrong(["--workload", path, "--host", "32x1024", "--migrations", "3"], 2, /Allowed choices are 0, 1, 2/);
    await wrong(["--workload", join(folder, "none.csv"), "--host", "32x1024"], 1, /none\.csv: no such file/);
    await wrong(["--workload", path, "--host", "32x1024"], 1, /VM big wants 64 vCPUs and 1 GiB, a host has 32 pCPUs/);
  });
});
