/**
 * `headroom doctor`: what this host lacks and the command that mends each, as a table or JSON. Ends with 1 when something is
 * missing that the agent cannot do without.
 */

import { Command } from "commander";
import { plural } from "../../core/plural.js";
import { loadSettings } from "../config.js";
import { diagnose, type Finding, isFit } from "../doctor/checks.js";
import { Unsuccessful } from "../exit.js";
import { addSettingsOptions, settingsRequest } from "../settings-options.js";
import { type Paint, paintFor, type Style } from "../terminal.js";

const MARKS: Readonly<Record<Finding["state"], readonly [mark: string, style: Style]>> = {
  fine: ["✓", "green"],
  weak: ["!", "yellow"],
  missing: ["✗", "red"],
  skipped: ["-", "dim"],
};

export function findingsText(findings: readonly Finding[], paint: Paint): string {
  const width = Math.max(...findings.map((finding) => finding.name.length));
  const lines: string[] = [];
  for (const { name, state, found, remedy } of findings) {
    const [mark, style] = MARKS[state];
    lines.push(`${paint(style, mark)} ${name.padEnd(width)}  ${state === "skipped" ? paint("dim", found) : found}`);
    if (remedy !== null) lines.push(`  ${" ".repeat(width)}  ${paint("cyan", "→")} ${paint("bold", remedy)}`);
  }
  const missing = findings.filter((finding) => finding.state === "missing").length;
  const weak = findings.filter((finding) => finding.state === "weak").length;
  const verdict = missing > 0 ? `Not ready: ${plural(missing, "thing")} missing` : "Ready for headroom agent";
  const rest = weak > 0 ? `${verdict}; ${plural(weak, "thing")} could be better.` : `${verdict}.`;
  return `${lines.join("\n")}\n\n${paint(missing > 0 ? "red" : "green", rest)}\n`;
}

export function doctorCommand(): Command {
  const command = new Command("doctor").description("what this host lacks, and the command that mends it");
  addSettingsOptions(command).option("--json", "print JSON");
  return command.action(async (options: Record<string, unknown>) => {
    const { settings } = loadSettings(settingsRequest(options));
    const { gatherFacts } = await import("../doctor/gather.js");
    const { agentLog } = await import("../host/agent-log.js");
    const { openHypervisor } = await import("../host/open-host.js");
    const log = agentLog("error", "text", process.stderr);
    const findings = diagnose(await gatherFacts(settings, () => openHypervisor(settings, log)));
    const text = options.json
      ? `${JSON.stringify({ ready: isFit(findings), findings }, null, 2)}\n`
      : findingsText(findings, paintFor(process.stdout));
    process.stdout.write(text);
    if (!isFit(findings)) throw new Unsuccessful("something is missing");
  });
}
