/** The report of SlackVM's experiment says of each mix what was published and what was found, and draws it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { run } from "../../src/cli/program.js";
import { EXPERIMENT_MIXES, mixName, type SweepRow } from "../../src/core/sizing/sweep.js";
import { drawFigure } from "../../src/report/figure.js";
import { PUBLISHED } from "../../src/report/sizing/published.js";
import { slackvmReport } from "../../src/report/sizing/reproduction.js";

const rows: readonly SweepRow[] = ["ovhcloud2023", "azure2017"].flatMap((scenario) =>
  EXPERIMENT_MIXES.flatMap((mix) =>
    [1, 2].map((seed) => ({
      scenario,
      mix: mixName(mix),
      vms: 500,
      seed,
      bound: 100,
      peakPcpus: 99,
      peakMemory: 55,
      hosts: { dedicated: 110, "first-fit": 104 + seed, paper: 103, headroom: 100 },
      moves: null,
    })),
  ),
);
const report = slackvmReport(rows, 500);
const figure = (name: string) => report.figures.find((each) => each.name === name)!;

test("what was published saves what was published", () => {
  const savedBy = (scenario: string, mix: string): string => {
    const { shared, dedicated } = PUBLISHED.get(scenario)!.get(mix)!;
    return (100 * (1 - shared / dedicated)).toFixed(1);
  };
  assert.deepEqual(
    ["25/0/75", "50/0/50", "0/75/25", "100/0/0"].map((mix) => savedBy("ovhcloud2023", mix)),
    ["8.6", "9.6", "3.4", "0.0"],
  );
  assert.deepEqual(
    ["0/25/75", "25/0/75", "50/25/25", "75/25/0"].map((mix) => savedBy("azure2017", mix)),
    ["8.8", "7.3", "3.6", "1.5"],
  );
  for (const mixes of PUBLISHED.values())
    assert.deepEqual([...mixes.keys()].sort(), EXPERIMENT_MIXES.map(mixName).sort());
});

describe("the report", () => {
  test("has three figures of each dataset, that can be drawn", () => {
    assert.deepEqual(
      report.figures.map(({ name }) => name),
      ["ovhcloud2023", "azure2017"].flatMap((each) => [`saved-${each}`, `hosts-${each}`, `unallocated-${each}`]),
    );
    const { svg } = drawFigure(figure("saved-azure2017").spec);
    for (const text of ["Hosts that sharing saves, Azure 2017", "published", "first fit", ">8.8<", ">9.1<"])
      assert.ok(svg.includes(text), text);
  });

  test("has the numbers behind them, with what stays unallocated by each resource", () => {
    const { columns, rows: cells } = figure("hosts-ovhcloud2023").numbers;
    const row = cells.find(([mix]) => mix === "25/0/75")!;
    const at = (name: string) => row[columns.indexOf(name)];
    assert.deepEqual(
      ["published_shared", "published_dedicated", "bound", "first-fit", "headroom"].map(at),
      [64, 70, 100, 105.5, 100],
    );
    assert.ok(Math.abs((at("first-fit_within") as number) - 6.353) < 0.01);
    const left = figure("unallocated-azure2017").numbers.rows;
    const of = (policy: string, resource: string): number =>
      left.find((each) => each[0] === "0/0/100" && each[1] === policy && each[2] === resource)![3] as number;
    assert.equal(of("dedicated", "CPU").toFixed(3), "10.000");
    assert.equal(of("headroom", "CPU").toFixed(3), "1.000");
    assert.equal(of("dedicated", "memory").toFixed(3), "50.000");
  });

  test("says what sharing saves beside what was published", () => {
    const fact = report.facts.find(([what]) => what === "OVHcloud 2023, saved by sharing");
    assert.equal(fact?.[1], "published 4.02 %, first fit 4.09 %, headroom 9.09 %");
    assert.ok(report.intro.some((text) => text.includes("Where figures differ from the published ones")));
  });
});

test("the command names what it lacks", async () => {
  let errors = "";
  const stderr = {
    write: (text: string) => {
      errors += text;
    },
  };
  assert.equal(await run(["reproduce", "slackvm-sizing"], stderr), 2);
  assert.match(errors, /--out <folder>/);
});
