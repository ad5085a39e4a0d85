/** `headroom scheduler`: selects hosts for the VMs of a cluster until it is told to stop; VMs run on without it. */
import { Command } from "commander";
import { badSettings, examineFor } from "../config.js";
import { SCHEDULER_PROGRAM } from "../settings/program.js";
import { addProgramOptions, settingsRequest } from "../settings-options.js";

const EXAMPLES = `
Every option can be set in the environment, in .env and in the config file as well (headroom config scheduler shows where each
value comes from). Agents register themselves (HEADROOM_SCHEDULER_URLS), or are listed here.

Examples:
  headroom scheduler                                          port 8100 on loopback, its store in a folder
  headroom scheduler --list http://10.0.0.7:8099,http://10.0.0.8:8099
  headroom scheduler --etcd-endpoints http://10.0.0.1:2379,http://10.0.0.2:2379,http://10.0.0.3:2379
  headroom scheduler --address 0.0.0.0 --tokens-file /etc/headroom/tokens
`;

export function schedulerCommand(): Command {
  const command = new Command("scheduler").description(
    "select hosts for the VMs of a cluster: placement, HTTP interface",
  );
  addProgramOptions(command, SCHEDULER_PROGRAM).addHelpText("after", EXAMPLES);
  return command.action(async (options: Record<string, unknown>) => {
    const { settings, warnings, problems } = examineFor(SCHEDULER_PROGRAM, settingsRequest(options, SCHEDULER_PROGRAM));
    if (problems.length > 0) throw badSettings(problems);
    const { agentLog } = await import("../host/agent-log.js");
    const { serveScheduler } = await import("../cluster/serve-scheduler.js");
    const log = agentLog(settings.logLevel, settings.logFormat, process.stderr);
    for (const warning of warnings) log.warn({}, warning);
    await serveScheduler(settings, log);
  });
}
