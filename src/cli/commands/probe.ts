/** `headroom probe`: what a host and its VMs use, as metrics, until it is told to stop; or once, on standard output. */
import { Command } from "commander";
import { badSettings, examineFor } from "../config.js";
import { PROBE_PROGRAM } from "../settings/program.js";
import { addProgramOptions, settingsRequest } from "../settings-options.js";

const EXAMPLES = `
Every option can be set in the environment, in .env and in the config file as well (headroom config probe shows where each value
comes from). An agent shows the same metrics in its own /metrics: a host that has one needs no probe.

Examples:
  headroom probe                                              http://127.0.0.1:8101/metrics
  headroom probe --once                                       print them and end
  headroom probe --form flat --prefix node7 --textfile /var/lib/prometheus/node-exporter/vm.prom
  headroom probe --address 0.0.0.0 --tokens-file /etc/headroom/tokens
`;

export function probeCommand(): Command {
  const command = new Command("probe").description("show what this host and its VMs use, as metrics for Prometheus");
  addProgramOptions(command, PROBE_PROGRAM)
    .option("--once", "print the metrics and end")
    .addHelpText("after", EXAMPLES);
  return command.action(async (options: Record<string, unknown>) => {
    const { settings, warnings, problems } = examineFor(PROBE_PROGRAM, settingsRequest(options, PROBE_PROGRAM));
    if (problems.length > 0) throw badSettings(problems);
    const { agentLog } = await import("../host/agent-log.js");
    const { probeOnce, serveProbe } = await import("../telemetry/run-probe.js");
    const log = agentLog(settings.logLevel, settings.logFormat, process.stderr);
    for (const warning of warnings) log.warn({}, warning);
    if (options.once === true) await probeOnce(settings, log, process.stdout);
    else await serveProbe(settings, log);
  });
}
