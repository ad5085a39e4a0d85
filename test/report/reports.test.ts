/** Reports of history, of comparisons and of sizings: what they say is what they were given; what cannot be used is refused by name. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { inputOf } from "../../src/cli/report/sources.js";
import { milliseconds } from "../../src/core/units.js";
import type { Sample, SampleStore } from "../../src/ports/sample-store.js";
import { gatherHistory } from "../../src/report/history/gather.js";
import { historyReport } from "../../src/report/history/report.js";
import { pageOf } from "../../src/report/page.js";
import { csvOf, type NumberTable } from "../../src/report/report.js";
import { sizingReport } from "../../src/report/sizing/report.js";
import { bridged, thinned, timeAxis } from "../../src/report/time-axis.js";
import { temporaryFolder } from "../drivers/folder.js";
import { parsed, reported } from "./support.js";

const columnOf = ({ columns, rows }: NumberTable, name: string) => rows.map((row) => row[columns.indexOf(name)]);

const START = Date.UTC(2026, 10, 27);

/** A host of 8 pCPUs for an hour, read every 10 s; `calm` uses a tenth of 4 vCPUs, `<busy>` all of 2, from the middle on. */
function hour(): readonly Sample[] {
  return Array.from({ length: 360 }, (_, i): readonly Sample[] => {
    const at = milliseconds(START + i * 10_000);
    const busy = i >= 180;
    const host = { cpu: 8, cpu_usage: busy ? 2.5 : 0.5, mem: 64_000, mem_usage: 16_000, vm_number: busy ? 2 : 1 };
    const calm = { cpu: 4, cpu_usage: 0.4, mem: 8000, mem_usage: 2000 };
    const other = { cpu: 2, cpu_usage: 2, cpu_wait: 0.25, mem: 4000, mem_usage: 3000 };
    return [
      { host: "h", vm: null, at, values: host },
      { host: "h", vm: "calm", at, values: calm },
      ...(busy ? [{ host: "h", vm: "<busy>", at, values: other }] : []),
    ];
  }).flat();
}

/** What a store has when it has `samples` of "h". */
const storeOf = (samples: readonly Sample[]): Pick<SampleStore, "sources" | "read"> => ({
  sources: async ({ host }) => {
    const times = samples.map(({ at }) => at);
    const [first, last] = [times[0]!, times.at(-1)!];
    return host === "h" ? [{ host: "h", vm: null, first, last }] : [];
  },
  read: async function* ({ of }) {
    yield* samples.filter(({ vm }) => (of === "host") === (vm === null));
  },
});

describe("history of a host", () => {
  const everything = { from: milliseconds(0), to: milliseconds(START * 2) };

  test("its numbers are means of the readings, VMs count while they are there, and names stay what they are", async () => {
    const history = await gatherHistory(storeOf(hour()), "h", everything);
    assert.ok(history !== null);
    assert.equal(history.samples, 360 + 360 + 180);
    const report = historyReport(history, "memory");
    const numbers = (name: string): NumberTable => report.figures.find((figure) => figure.name === name)!.numbers;
    const [first, last] = [0, history.times.length - 1];
    const ends = (figure: string, column: string) => {
      const values = columnOf(numbers(figure), column);
      return [values[first], values[last]];
    };
    assert.deepEqual(ends("host-cpu", "usage_pcpus mean"), [0.5, 2.5]);
    assert.deepEqual(ends("host-cpu", "vcpus"), [4, 6]);
    assert.deepEqual(ends("waiting", "waiting_pcpus"), [null, 0.25]);
    assert.deepEqual(ends("memory", "guests usage_mb"), [2000, 5000]);
    assert.deepEqual(ends("vm-count", "running"), [1, 2]);
    assert.deepEqual(ends("vm-patterns", "<busy>"), [null, 1]);
    const page = pageOf({ ...report, title: "<h>" }, new Map());
    assert.match(page, /<h1>&lt;h&gt;<\/h1>/);
    assert.match(page, /Its VMs had up to 6 vCPUs: 0\.75 for each pCPU\./);
  });

  test("a host that the store does not know gives no report", async () => {
    assert.equal(await gatherHistory(storeOf(hour()), "other", everything), null);
  });
});

describe("what headroom size printed", () => {
  const numbers = {
    policies: { "first-fit": { hosts: 79 }, dedicated: { hosts: 87 }, headroom: { hosts: 77 } },
    lowerBound: { volume: 76, configurationLp: 77 },
  };

  test("is drawn beside the bound, and the saving is named", async (t) => {
    const folder = await temporaryFolder(t);
    const path = join(folder, "sizes.json");
    await writeFile(path, JSON.stringify(numbers));
    await reported([path, "--out", join(folder, "report"), "--title", "Week 47"]);
    assert.deepEqual(parsed(await readFile(join(folder, "report", "hosts.csv"), "utf8")), {
      columns: ["policy", "hosts", "lower_bound"],
      rows: [
        ["first-fit", 79, 77],
        ["dedicated", 87, 77],
        ["headroom", 77, 77],
      ],
    });
    const page = await readFile(join(folder, "report", "report.html"), "utf8");
    assert.match(page, /<title>Week 47<\/title>/);
    assert.match(page, /headroom saves 10: 11\.5 %/);
    assert.match(page, />77 \(\+0 %\)</, "the label of a bar");
    const png = await readFile(join(folder, "report", "hosts.png"));
    assert.equal(png.subarray(1, 4).toString("latin1"), "PNG");
  });

  test("no workload at all draws no nonsense", () => {
    const none = { policies: { "first-fit": { hosts: 0 } }, lowerBound: { volume: 0, configurationLp: 0 } };
    assert.doesNotMatch(JSON.stringify(sizingReport(none, "none.json")), /NaN|null %/);
  });
});

test("what cannot be reported on is refused by what is wrong with it", async (t) => {
  const folder = await temporaryFolder(t);
  const file = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  await mkdir(join(folder, "empty"));
  await mkdir(join(folder, "replayed"));
  await writeFile(join(folder, "replayed", "decisions.jsonl"), "");
  const wrong = '{"policies":{"headroom":{"hosts":-1}},"lowerBound":{"volume":1,"configurationLp":1}}';
  const cases: readonly (readonly [path: string, says: RegExp])[] = [
    [join(folder, "nowhere"), /nowhere: ENOENT/],
    [join(folder, "empty"), /neither monitoring\.csv .* nor comparison\.json/],
    [join(folder, "replayed"), /run headroom replay with --monitoring/],
    [await file("broken.json", "{"), /broken\.json: .*JSON/],
    [await file("other.json", "{}"), /neither the comparison .* nor what headroom size --json prints/],
    [await file("wrong.json", wrong), /wrong\.json: policies\.headroom\.hosts: /],
    [await file("half.json", '{"strategies":{}}'), /half\.json: options: /],
  ];
  for (const [path, message] of cases) await assert.rejects(inputOf(path), { code: "bad-input-file", message });
  const out = ["--out", join(folder, "out")];
  await assert.rejects(reported(out), { name: "UsageError", message: /a source, or --host NAME/ });
  const trace = await file("trace.csv", "tmp\trec\tres\tval\tconfig\tsubset\tvm_uuid\tvm_cmn\tsb_oc\n");
  await assert.rejects(reported([trace, ...out]), { message: /no record that can be used/ });
});

test("a cell of a CSV file may hold everything", () => {
  const table = {
    columns: ["a", 'b "c", d'],
    rows: [
      [1.5, "x\ny"],
      [null, "z"],
    ],
  };
  assert.equal(csvOf(table), 'a,"b ""c"", d"\n1.5,"x\ny"\n,z\n');
});

test("a thinned line keeps its ends, its peaks and its gaps; a bridged one loses only short gaps", () => {
  const points = Array.from({ length: 20_000 }, (_, x) => ({ x, y: x === 7001 ? 99 : x === 12_345 ? null : x % 7 }));
  const few = thinned(points);
  assert.ok(few.length <= 3000, `${few.length} points`);
  for (const x of [0, 7001, 12_345, 19_999])
    assert.ok(
      few.some((point) => point.x === x),
      `${x} is kept`,
    );
  const gaps = [1, null, 1, null, null, 1, null, null, null, 1].map((y, x) => ({ x, y }));
  assert.deepEqual(
    bridged(gaps).map(({ x }) => x),
    [0, 2, 5, 6, 7, 8, 9],
  );
});

test("time is counted in what gives readable numbers", () => {
  const units = [600, 7200, 7201, 259_200, 864_000].map((span) => timeAxis(span, "then").unit);
  assert.deepEqual(units, ["minutes", "minutes", "hours", "hours", "days"]);
});
