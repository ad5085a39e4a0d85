/** One agent as a process: from its start to the signal that ends it. Guests run on after it. */
import { Recorder } from "../../agent/recorder.js";
import { openAppendFile } from "../../drivers/linux/append-file.js";
import type { Log } from "../../ports/log.js";
import type { Settings } from "../settings/agent-settings.js";
import { makeNamedFolder, STATE_FOLDER } from "../settings/naming.js";
import { onTermination } from "../termination.js";
import { version } from "../version.js";
import { hypervisorKind } from "./hypervisor-kind.js";
import { openHost } from "./open-host.js";
import { runAgent } from "./run-agent.js";

/** Serves until a signal comes; `record` is the path of a trace to append to. Throws what keeps the agent from starting. */
export async function serve(settings: Settings, log: Log, record: string | null): Promise<void> {
  // A simulated host keeps its journal where its hypervisor says.
  if (hypervisorKind(settings.hypervisor) !== "fake") await makeNamedFolder(STATE_FOLDER, settings.stateFolder);
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
