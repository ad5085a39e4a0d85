/**
 * `headroom agent`: manages the guests of one host until it is told to stop, and leaves them running then. With `--load` it
 * is the seeds' offline mode instead: a recorded host is replayed, and no hypervisor is touched.
 */
import { Command } from "commander";
import { badSettings, examineSettings } from "../config.js";
import { UsageError } from "../exit.js";
import { AGENT_SETTINGS, SETTING_KEYS } from "../settings/agent-settings.js";
import { addSettingsOptions, settingsRequest } from "../settings-options.js";
import { replayAsSeeds } from "./replay.js";

const EXAMPLES = `
Every option can be set in the environment, in .env and in the config file as well (headroom config shows where each value
comes from).

Examples:
  headroom agent                                             the host's libvirt, port 8099 on loopback
  headroom agent --hypervisor fake:///epyc-7662-2s           a simulated host, for trying out
  headroom agent --host-pcpus 0,64 --critical-size 10
  headroom agent --address 0.0.0.0 --tokens-file /etc/headroom/tokens
  headroom agent --topology host.json --load trace.csv --debug 1      replays a recorded host offline
`;

/** What clients and ballooning from the store need is not an agent's. */
const AGENT_KEYS = SETTING_KEYS.filter((key) => !["Client", "Ballooning"].includes(AGENT_SETTINGS[key].group));

function debugLevel(text: string): number {
  if (!/^\d$/.test(text)) throw new UsageError(`--debug is ${JSON.stringify(text)}; it must be a digit: 0 or 1`);
  return Number(text);
}

export function agentCommand(): Command {
  const command = new Command("agent").description("manage the guests of one host: pools, pins, HTTP interface");
  addSettingsOptions(command, AGENT_KEYS)
    .option("--record <file>", "write every state as a trace that headroom replay reads; appends")
    .option("--load <file>", "replay this trace offline instead, on the host that --topology names")
    .option(
      "--debug <level>",
      "with --load: above 0, write the re-computed trace to debug/monitoring.csv",
      debugLevel,
      0,
    )
    .addHelpText("after", EXAMPLES);
  return command.action(async (options: Record<string, unknown>) => {
    const resolution = examineSettings(settingsRequest(options));
    if (resolution.problems.length > 0) throw badSettings(resolution.problems);
    if (typeof options.load === "string") {
      await replayAsSeeds(resolution, options.load, Number(options.debug) > 0);
      return;
    }
    const { settings, warnings } = resolution;
    const { agentLog } = await import("../host/agent-log.js");
    const { serve } = await import("../host/serve.js");
    const log = agentLog(settings.logLevel, settings.logFormat, process.stderr);
    for (const warning of warnings) log.warn({}, warning);
    await serve(settings, log, typeof options.record === "string" ? options.record : null);
  });
}
