/** The expressions of the rules and of the dashboard, and the metrics that they name. */
import { readFileSync } from "node:fs";
import { ROOT } from "../style/source-files.js";

export const RULES = `${ROOT}deploy/prometheus/headroom.rules.yml`;
export const CONFIG = `${ROOT}deploy/prometheus/prometheus.yml`;
const DASHBOARD = `${ROOT}deploy/grafana/headroom.json`;

export interface Expression {
  readonly where: string;
  readonly text: string;
}

/** One line each, as our file has them. */
export function ruleExpressions(): readonly Expression[] {
  const rules = readFileSync(RULES, "utf8").matchAll(/^ +- (?:record|alert): (\S+)\n +expr: (.+)$/gm);
  return [...rules].map(([, name = "", text = ""]) => ({ where: `rule ${name}`, text }));
}

interface Panel {
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

export const dashboard = (): Dashboard => JSON.parse(readFileSync(DASHBOARD, "utf8")) as Dashboard;

/** With the variables that Grafana would fill in. */
const filledIn = (text: string): string => text.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".+");

export function panelExpressions(): readonly Expression[] {
  const { panels, annotations } = dashboard();
  const shown = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => ({ where: `panel ${title}`, text: filledIn(expr) })),
  );
  return [...shown, ...annotations.list.map(({ expr }) => ({ where: "annotations", text: expr }))];
}

/** Names that are no words of PromQL: those of metrics of ours, and of the process. */
export const metricsIn = ({ text }: Expression): readonly string[] =>
  [...text.matchAll(/\b(?:headroom_|process_)[a-z0-9_]+\b/g)].map(([name]) => name);
