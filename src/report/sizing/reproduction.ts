/**
 * SlackVM's sizing experiment once more, beside what was published: hosts on shared and on dedicated clusters, what sharing saves, and what
 * stays unallocated when the load is highest. Means over seeds, with 95 % confidence; the published figures are of one unseeded run each.
 */
import { barY, cell, dot, type Markish, ruleX, ruleY, text } from "@observablehq/plot";
import {
  type Mean,
  meanOf,
  overBound,
  type SweepRow,
  type SweepSummary,
  summariesOf,
} from "../../core/sizing/sweep.js";
import { COLOURS } from "../figure.js";
import { percent, type Report, type ReportFigure } from "../report.js";
import { PUBLISHED, type PublishedHosts } from "./published.js";

/** Those that are compared; first fit is what the published simulator does in fact. */
export const REPRODUCED = ["dedicated", "first-fit", "paper", "headroom"] as const;
type Compared = (typeof REPRODUCED)[number];

const NAMES: Readonly<Record<string, string>> = { ovhcloud2023: "OVHcloud 2023", azure2017: "Azure 2017" };
const nameOf = (scenario: string): string => NAMES[scenario] ?? scenario;
const SHARES = [0, 25, 50, 75, 100];
/** Of the heat maps: nothing saved is white. */
const [NOTHING, MUCH] = ["#ffffff", "#0072B2"];

interface MixFigures {
  readonly mix: string;
  readonly first: number;
  readonly second: number;
  readonly published: PublishedHosts | null;
  readonly bound: Mean;
  readonly hosts: Readonly<Record<Compared, Mean>>;
  /** Shares that stay unallocated at the highest load. */
  readonly unallocated: Readonly<Record<Compared, { readonly cpu: number; readonly memory: number }>>;
}

function figuresOfMix(summary: SweepSummary, rows: readonly SweepRow[]): MixFigures {
  const [first = 0, second = 0] = summary.mix.split("/").map(Number);
  const own = rows.filter((row) => row.mix === summary.mix);
  const by = <T>(of: (policy: Compared) => T): Record<Compared, T> =>
    Object.fromEntries(REPRODUCED.map((policy) => [policy, of(policy)])) as Record<Compared, T>;
  const leftBy = (policy: Compared, wanted: "peakPcpus" | "peakMemory"): number =>
    meanOf(own.map((row) => 1 - row[wanted] / Math.max(1, row.hosts[policy]!))).mean;
  return {
    mix: summary.mix,
    first,
    second,
    published: PUBLISHED.get(summary.scenario)?.get(summary.mix) ?? null,
    bound: summary.bound,
    hosts: by((policy) => summary.policies[policy]!.hosts),
    unallocated: by((policy) => ({ cpu: leftBy(policy, "peakPcpus"), memory: leftBy(policy, "peakMemory") })),
  };
}

const saved = (shared: number, dedicated: number): number => 1 - shared / dedicated;

function savedFigure(scenario: string, mixes: readonly MixFigures[]): ReportFigure {
  const panels = ["published", "first fit", "headroom"];
  const cells = mixes.flatMap(({ first, second, published, hosts }) => {
    const ours = (policy: Compared): number => saved(hosts[policy].mean, hosts.dedicated.mean);
    const theirs = published === null ? [] : [{ panel: panels[0], part: saved(published.shared, published.dedicated) }];
    const all = [
      ...theirs,
      { panel: panels[1], part: ours("first-fit") },
      { panel: panels[2], part: ours("headroom") },
    ];
    return all.map(({ panel, part }) => ({ first, second, panel, part, said: (100 * part).toFixed(1) }));
  });
  const most = Math.max(0.01, ...cells.map(({ part }) => part));
  const marks: Markish[] = [
    cell(cells, { x: "first", y: "second", fx: "panel", fill: "part", stroke: "#ccc" }),
    text(cells, {
      x: "first",
      y: "second",
      fx: "panel",
      text: "said",
      fill: (each: { readonly part: number }) => (each.part > 0.6 * most ? "white" : "black"),
    }),
  ];
  return {
    name: `saved-${scenario}`,
    spec: {
      title: `Hosts that sharing saves, ${nameOf(scenario)}`,
      subtitle: "percent of the hosts of dedicated clusters; across: share of VMs at 1:1, up: at 2:1, the rest at 3:1",
      legend: [],
      plot: {
        width: 1000,
        height: 380,
        marginLeft: 56,
        marginBottom: 44,
        fx: { label: null, domain: panels },
        x: { label: "share 1:1, %", domain: SHARES, labelAnchor: "center", labelArrow: "none" },
        y: { label: "share 2:1, %", domain: [...SHARES].reverse(), labelArrow: "none" },
        color: { type: "linear", domain: [0, most], range: [NOTHING, MUCH] },
        marks,
      },
    },
    says: [
      "Published is one unseeded run for each mix, first fit the policy that the published simulator has in fact, headroom bid prices; both of ours are means over the seeds.",
    ],
    numbers: {
      columns: ["share_1", "share_2", "figure", "saved"],
      rows: cells.map(({ first, second, panel, part }) => [first, second, panel ?? "", part]),
    },
  };
}

function hostsFigure(scenario: string, mixes: readonly MixFigures[]): ReportFigure {
  const looks = [
    ["published, dedicated", COLOURS[6]],
    ["published, shared", COLOURS[4]],
    ["dedicated", COLOURS[7]],
    ["first fit", COLOURS[1]],
    ["paper", COLOURS[3]],
    ["headroom", COLOURS[0]],
  ] as const;
  const points = mixes.flatMap(({ mix, published, bound, hosts }) => {
    const over = (count: number): number => count / bound.mean;
    const theirs =
      published === null
        ? []
        : [
            { mix, what: looks[0][0], over: over(published.dedicated) },
            { mix, what: looks[1][0], over: over(published.shared) },
          ];
    return [
      ...theirs,
      { mix, what: looks[2][0], over: over(hosts.dedicated.mean) },
      { mix, what: looks[3][0], over: over(hosts["first-fit"].mean) },
      { mix, what: looks[4][0], over: over(hosts.paper.mean) },
      { mix, what: looks[5][0], over: over(hosts.headroom.mean) },
    ];
  });
  return {
    name: `hosts-${scenario}`,
    spec: {
      title: `Hosts over the lower bound, ${nameOf(scenario)}`,
      subtitle: "1 is the bound of our seeds: published runs are of other workloads, and may lie below",
      legend: looks.map(([label, colour]) => ({ label, colour })),
      plot: {
        width: 1000,
        height: 420,
        marginLeft: 60,
        marginBottom: 48,
        x: {
          label: "mix: percent at 1:1 / 2:1 / 3:1",
          domain: mixes.map(({ mix }) => mix),
          labelAnchor: "center",
          labelArrow: "none",
          type: "point",
        },
        y: { label: "hosts over the bound", grid: true, nice: true, labelArrow: "none" },
        color: { domain: looks.map(([label]) => label), range: looks.map(([, colour]) => colour) },
        marks: [
          ruleX(mixes, { x: "mix", stroke: "#eee" }),
          ruleY([1]),
          dot(points, { x: "mix", y: "over", stroke: "what", fill: "what", fillOpacity: 0.35, r: 4.5 }),
        ],
      },
    },
    says: [
      "A seed moves a count by up to five hosts, so a single published run lies up to 8 % off a mean: compare what sharing saves (above), where both counts are of one workload.",
    ],
    numbers: {
      columns: [
        "mix",
        "published_shared",
        "published_dedicated",
        "bound",
        ...REPRODUCED.flatMap((policy) => [policy, `${policy}_within`]),
      ],
      rows: mixes.map(({ mix, published, bound, hosts }) => [
        mix,
        published?.shared ?? null,
        published?.dedicated ?? null,
        bound.mean,
        ...REPRODUCED.flatMap((policy) => [hosts[policy].mean, hosts[policy].within]),
      ]),
    },
  };
}

function unallocatedFigure(scenario: string, mixes: readonly MixFigures[]): ReportFigure {
  const looks = [
    ["dedicated", COLOURS[6]],
    ["first-fit", COLOURS[5]],
    ["headroom", COLOURS[0]],
  ] as const;
  const bars = mixes.flatMap(({ mix, unallocated }) =>
    looks.flatMap(([policy]) => [
      { mix, policy, resource: "CPU", part: 100 * unallocated[policy].cpu },
      { mix, policy, resource: "memory", part: 100 * unallocated[policy].memory },
    ]),
  );
  return {
    name: `unallocated-${scenario}`,
    spec: {
      title: `Unallocated at the highest load, ${nameOf(scenario)}`,
      subtitle: "percent of all hosts' pCPUs (above) and memory (below), dedicated clusters against shared hosts",
      legend: looks.map(([label, colour]) => ({ label, colour })),
      plot: {
        width: 1000,
        height: 460,
        marginLeft: 56,
        marginRight: 64,
        marginBottom: 40,
        fx: { label: null, domain: mixes.map(({ mix }) => mix), axis: "bottom" },
        fy: { label: null, domain: ["CPU", "memory"] },
        x: { axis: null, domain: looks.map(([label]) => label) },
        y: { label: "%", grid: true, labelArrow: "none" },
        color: { domain: looks.map(([label]) => label), range: looks.map(([, colour]) => colour) },
        marks: [barY(bars, { x: "policy", y: "part", fx: "mix", fy: "resource", fill: "policy" }), ruleY([0])],
      },
    },
    says: [
      "A vCPU at 2:1 counts as half a pCPU. Where much of one resource stays, the other is used up: of OVHcloud's VMs 1:1 leaves memory, 3:1 leaves pCPUs, and on shared hosts they complement each other.",
    ],
    numbers: {
      columns: ["mix", "policy", "resource", "unallocated_percent"],
      rows: bars.map(({ mix, policy, resource, part }) => [mix, policy, resource, part]),
    },
  };
}

/** `rows`: of the experiment's mixes, sized by `REPRODUCED`. */
export function slackvmReport(rows: readonly SweepRow[], vms: number): Report {
  const scenarios = [...new Set(rows.map(({ scenario }) => scenario))];
  const seeds = new Set(rows.map(({ seed }) => seed)).size;
  const facts: [string, string][] = [
    ["workloads", `${rows.length}: ${scenarios.map(nameOf).join(", ")}, ${seeds} seeds, ${vms} VMs at the beginning`],
  ];
  const figures = scenarios.flatMap((scenario) => {
    const own = rows.filter((row) => row.scenario === scenario);
    const mixes = summariesOf(own, REPRODUCED).map((summary) => figuresOfMix(summary, own));
    const over = (policy: Compared): string => meanOf(own.map((row) => overBound(row, policy))).mean.toFixed(4);
    facts.push([
      `${nameOf(scenario)}, hosts over the bound`,
      REPRODUCED.map((policy) => `${policy} ${over(policy)}`).join(", "),
    ]);
    const both = mixes.filter(({ published }) => published !== null);
    if (both.length > 0) {
      const theirs = meanOf(both.map(({ published }) => saved(published!.shared, published!.dedicated))).mean;
      const ours = meanOf(both.map(({ hosts }) => saved(hosts["first-fit"].mean, hosts.dedicated.mean))).mean;
      const bids = meanOf(both.map(({ hosts }) => saved(hosts.headroom.mean, hosts.dedicated.mean))).mean;
      facts.push([
        `${nameOf(scenario)}, saved by sharing`,
        `published ${percent(theirs)}, first fit ${percent(ours)}, headroom ${percent(bids)}`,
      ]);
    }
    return [savedFigure(scenario, mixes), hostsFigure(scenario, mixes), unallocatedFigure(scenario, mixes)];
  });
  return {
    title: "SlackVM's sizing experiment, again",
    intro: [
      "The fewest hosts of 32 pCPUs and 128 GiB that take a week of VMs without one refusal: every ratio on shared hosts, against a cluster of its own for each ratio.",
      "Where figures differ from the published ones: those are one run for each mix, with a seed that is not known, and a seed moves a count by up to five hosts; ours are means. The published simulator compares a host's score with itself, which makes its policy first fit: that is what to hold against it, and paper is the policy that it meant. The workloads are made by the published rules (exact counts of sizes, ratios and profiles, the submission order of its hash table), not its own random numbers.",
    ],
    facts,
    figures,
  };
}
