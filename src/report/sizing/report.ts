/** What `headroom size --json` printed, as a report: hosts by policy beside the lower bound. */
import { barFigure } from "../bars.js";
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
        spec: barFigure({
          title: "Hosts by policy",
          subtitle: "the line is the lower bound: no policy of any kind needs fewer",
          legend: { bars: "hosts", line: `lower bound, ${least} hosts` },
          x: "policy",
          y: "hosts",
          bars: rows.map(({ policy, hosts, said }) => ({ name: policy, value: hosts, said })),
          line: least,
        }),
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
