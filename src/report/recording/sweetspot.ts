/**
 * SweetSpotVM's experiment on a recorded host: the pools that its template makes of it (the paper's figure 5), and what the same VMs
 * need where all their vCPUs are sold at one ratio. The paper prints no numbers beside its figures, so there is nothing to subtract.
 */
import { barFigure } from "../bars.js";
import { type Report, type ReportFigure, shown } from "../report.js";

/** What one template made of the trace. */
export interface TemplateOutcome {
  /** As the settings write it: `1.0,1.5,2.6`. */
  readonly template: string;
  readonly deployed: number;
  readonly refused: number;
  readonly peak: {
    readonly pcpus: number;
    readonly pools: Readonly<Record<string, { readonly pcpus: number; readonly vcpus: number }>>;
  };
}

function templateFigure(outcomes: readonly TemplateOutcome[], hostPcpus: number): ReportFigure {
  const bars = outcomes.map(({ template, refused, peak }) => ({
    name: template,
    value: peak.pcpus,
    said: refused === 0 ? String(peak.pcpus) : `${peak.pcpus}, ${refused} VMs refused`,
  }));
  const pools = outcomes.flatMap(({ template, deployed, refused, peak }) =>
    Object.entries(peak.pools).map(([pool, held]) => [
      template,
      deployed,
      refused,
      peak.pcpus,
      pool,
      held.pcpus,
      held.vcpus,
    ]),
  );
  return {
    name: "templates",
    spec: barFigure({
      title: "pCPUs that the same VMs need, by template",
      subtitle: "most at any moment; a template gives vCPU 0, 1, 2 ... their ratios, its last holds for the rest",
      legend: { bars: "pCPUs in pools at the most", line: `of the host, ${hostPcpus}` },
      x: "template",
      y: "pCPUs",
      bars,
      line: hostPcpus,
    }),
    says: [
      "One ratio for all either gives every vCPU a pCPU (1.0), or none. SweetSpotVM gives each VM's first vCPU one, and oversubscribes those behind it, which guests use less.",
      "The paper's template is decided as SweetSpotVM does, the others by our own policy, which takes a recording under any template.",
      "Its own file lists the pools of each template; a pool's most may be of another moment than that of the host.",
    ],
    numbers: { columns: ["template", "deployed", "refused", "pcpus", "pool", "pool_pcpus", "pool_vcpus"], rows: pools },
  };
}

/** `recorded`: the report of the first outcome's monitoring; its template is the paper's. */
export function sweetspotReport(recorded: Report, outcomes: readonly TemplateOutcome[], hostPcpus: number): Report {
  const facts = outcomes.map(({ template, deployed, refused, peak }): readonly [string, string] => [
    `template ${template}`,
    `${peak.pcpus} pCPUs at the most (${shown((100 * peak.pcpus) / hostPcpus)} % of the host), ${deployed} deployed, ${refused} refused`,
  ]);
  return {
    title: "SweetSpotVM: several ratios in one VM",
    intro: [
      "The pools that SweetSpotVM makes of a recorded host (figure 5 of its paper), and what other templates make of the same VMs.",
      "The paper prints its figure without numbers, and its 12-hour trace is the authors': with that trace the figures below are the paper's, with another they show another host.",
      ...recorded.intro,
    ],
    facts,
    figures: [templateFigure(outcomes, hostPcpus), ...recorded.figures],
  };
}
