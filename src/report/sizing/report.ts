/** What `headroom size --json` printed, as a report: hosts by policy beside the lower bound. */
import { barY, ruleY, text } from "@observablehq/plot";
import { COLOURS } from "../figure.js";
import { percent, type Report } from "../report.js";

export interface SizingNumbers {
  readonly policies: Readonly<Record<string, { readonly hosts: number }>>;
  readonly lowerBound: { readonly volume: number; readonly configurationLp: number };
}

/** `from`: the file, for the reader. */
export function sizingReport({ policies, lowerBound }: SizingNumbers, from: string): Report {
  const least = Math.max(lowerBound.volume, lowerBound.configurationLp);
  const rows = Object.entries(policies).map(([policy, { hosts }]) => ({
    policy,
    hosts,
    said: least === 0 ? String(hosts) : `${hosts} (+${percent(hosts / least - 1)})`,
  }));
  const best = [...rows].sort((a, b) => a.hosts - b.hosts)[0];
  const dedicated = rows.find(({ policy }) => policy === "dedicated");
  const saved =
    best === undefined || dedicated === undefined || dedicated.hosts === 0
      ? []
      : [
          `Against a cluster of its own for every ratio (dedicated, ${dedicated.hosts} hosts), ${best.policy} saves ${dedicated.hosts - best.hosts}: ${percent(1 - best.hosts / dedicated.hosts)}.`,
        ];
  return {
    title: "How many hosts these VMs need",
    intro: [`Hosts that each policy needs so that no VM is refused, from ${from}.`],
    facts: [
      ["lower bound", `${least} hosts (volume ${lowerBound.volume}, configurations ${lowerBound.configurationLp})`],
    ],
    figures: [
      {
        name: "hosts",
        spec: {
          title: "Hosts by policy",
          subtitle: "the line is the lower bound: no policy of any kind needs fewer",
          legend: [
            { label: "hosts", colour: COLOURS[1] },
            { label: `lower bound, ${least} hosts`, colour: COLOURS[0], dashes: "6 3" },
          ],
          plot: {
            width: 800,
            height: 380,
            marginLeft: 64,
            marginBottom: 44,
            x: { label: "policy", labelAnchor: "center", labelArrow: "none", domain: rows.map(({ policy }) => policy) },
            y: {
              label: "hosts",
              grid: true,
              labelArrow: "none",
              domain: [0, 1.12 * Math.max(1, least, ...rows.map(({ hosts }) => hosts))],
            },
            marks: [
              barY(rows, { x: "policy", y: "hosts", fill: COLOURS[1], insetLeft: 20, insetRight: 20 }),
              ruleY([0]),
              ruleY([least], { stroke: COLOURS[0], strokeDasharray: "6 3", strokeWidth: 2 }),
              text(rows, { x: "policy", y: "hosts", text: "said", dy: -9 }),
            ],
          },
        },
        says: [
          "A bar is the smallest number of hosts with which the policy takes the whole workload; in brackets how far above the bound.",
          ...saved,
        ],
        numbers: {
          columns: ["policy", "hosts", "lower_bound"],
          rows: rows.map(({ policy, hosts }) => [policy, hosts, least]),
        },
      },
    ],
  };
}
