/** One scheduler as a process: from its start to the signal that ends it. VMs and agents run on without it. */
import type { Log } from "../../ports/log.js";
import type { SchedulerSettings } from "../settings/program.js";
import { onTermination } from "../termination.js";
import { version } from "../version.js";
import { runScheduler } from "./run-scheduler.js";

/** Serves until a signal comes. Throws what keeps the scheduler from starting, or from going on. */
export async function serveScheduler(settings: SchedulerSettings, log: Log): Promise<void> {
  const termination = onTermination();
  try {
    const running = await runScheduler(settings, log, version());
    const { list, placement, etcdEndpoints } = settings;
    const store = etcdEndpoints.length === 0 ? "embedded" : "etcd";
    log.info({ url: running.url, store, placement, listed: list.length }, "the scheduler is ready for election");
    termination.signal.addEventListener("abort", () => {
      log.info({}, "stopping: what is under way is finished, VMs stay where they are");
      running
        .close()
        .catch((error: unknown) => log.error({ err: error }, "the scheduler could not be stopped in order"));
    });
    try {
      await running.ended;
    } finally {
      await running.close();
    }
    log.info({}, "stopped");
  } finally {
    termination.release();
  }
}
