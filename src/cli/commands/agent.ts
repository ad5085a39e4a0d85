/**
 * `headroom agent`: manages the guests of one host until it is told to stop, and leaves them running then. With `--load` it
 * is the seeds' offline mode instead: a recorded host is replayed, and no hypervisor is touched.
 */
import { Command } from "commander";
import { Recorder } from "../../agent/recorder.js";
import { openAppendFile } from "../../drivers/linux/append-file.js";
import type { Log } from "../../ports/log.js";
import { loadSettings } from "../config.js";
import { agentLog } from "../host/agent-log.js";
import { openHost } from "../host/open-host.js";
import { runAgent } from "../host/run-agent.js";
import { AGENT_SETTINGS, SETTING_KEYS, type Settings } from "../settings/agent-settings.js";
import { addSettingsOptions, settingsRequest } from "../settings-options.js";
import { onTermination } from "../termination.js";
import { version } from "../version.js";

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

/** What clients need is not an agent's. */
const AGENT_KEYS = SETTING_KEYS.filter((key) => AGENT_SETTINGS[key].group !== "Client");

/** Serves until a signal comes; `record` is the path of a trace to append to. Throws what keeps the agent from starting. */
export async function serve(settings: Settings, log: Log, record: string | null): Promise<void> {
  const host = await openHost(settings, log);
  for (const warning of host.warnings) log.warn({}, warning);
  const recorder = record === null ? null : new Recorder(await openAppendFile(record));
  const termination = onTermination();
  try {
    const running = await runAgent({ settings, host, log, version: version(), recorder });
    const { policy, vmCount, pcpus } = running.agent.status();
    log.info({ url: running.url, policy, pcpus: pcpus.total, vms: vmCount }, "the agent is ready");
    termination.signal.addEventListener("abort", () => {
      log.info({}, "stopping: the step in progress is finished, guests are left running");
      running.close().catch((error: unknown) => log.error({ err: error }, "the agent could not be stopped in order"));
    });
    await running.ended;
    await running.close();
    log.info({}, "stopped");
  } finally {
    termination.release();
    await recorder?.close();
  }
}

export function agentCommand(): Command {
  const command = new Command("agent").description("manage the guests of one host: pools, pins, HTTP interface");
  addSettingsOptions(command, AGENT_KEYS)
    .option("--record <file>", "write every state as a trace that headroom replay reads; appends")
    .addHelpText("after", EXAMPLES);
  return command.action(async (options: Record<string, unknown>) => {
    const { settings, warnings } = loadSettings(settingsRequest(options));
    const log = agentLog(settings.logLevel, settings.logFormat, process.stderr);
    for (const warning of warnings) log.warn({}, warning);
    await serve(settings, log, typeof options.record === "string" ? options.record : null);
  });
}
