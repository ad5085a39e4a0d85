/** `headroom collect`: scrapes hosts and keeps what they and their VMs use, until it is told to stop. */
import { Command } from "commander";
import { badSettings, examineFor } from "../config.js";
import { COLLECTOR_PROGRAM } from "../settings/program.js";
import { addProgramOptions, settingsRequest } from "../settings-options.js";

const EXAMPLES = `
Every option can be set in the environment, in .env and in the config file as well (headroom config collector shows where each value
comes from). What was collected is read by headroom export, and by whatever estimates and reports.

Examples:
  headroom collect --endpoints http://10.0.0.7:8099/metrics,http://10.0.0.8:8101/metrics
  headroom collect --inventory-urls http://10.0.0.1:8100          every host that the cluster's scheduler knows
  headroom collect --endpoint-files '/etc/headroom/targets/*.json'
  headroom collect --endpoints '[["http://10.0.0.9:9100/metrics","worker1"]]'          an earlier probe behind node_exporter
`;

export function collectCommand(): Command {
  const command = new Command("collect").description(
    "scrape hosts, and keep the history of what they and their VMs use",
  );
  addProgramOptions(command, COLLECTOR_PROGRAM).addHelpText("after", EXAMPLES);
  return command.action(async (options: Record<string, unknown>) => {
    const { settings, warnings, problems } = examineFor(COLLECTOR_PROGRAM, settingsRequest(options, COLLECTOR_PROGRAM));
    if (problems.length > 0) throw badSettings(problems);
    const { agentLog } = await import("../host/agent-log.js");
    const { serveCollector } = await import("../telemetry/run-collector.js");
    const log = agentLog(settings.logLevel, settings.logFormat, process.stderr);
    for (const warning of warnings) log.warn({}, warning);
    await serveCollector(settings, log);
  });
}
