/** From settings to the cluster's store: etcd where endpoints are named, otherwise a folder beside the scheduler. */
import { join } from "node:path";
import type { Clock } from "../../ports/clock.js";
import type { ClusterStore } from "../../ports/cluster-store.js";
import type { Log } from "../../ports/log.js";
import { readSecretFile } from "../secret-files.js";
import type { SchedulerSettings } from "../settings/program.js";

const STORE_FOLDER = "cluster";

/** Throws `bad-settings`, and `store-locked` where another scheduler uses the folder. */
export async function openStore(settings: SchedulerSettings, clock: Clock, log: Log): Promise<ClusterStore> {
  const { etcdEndpoints: endpoints, epochAbove, etcdUser, etcdPassword } = settings;
  if (endpoints.length === 0) {
    const { openEmbeddedStore } = await import("../../drivers/stores/embedded/store.js");
    return openEmbeddedStore({ folder: join(settings.stateFolder, STORE_FOLDER), clock, log, epochAbove });
  }
  const { etcdStore } = await import("../../drivers/stores/etcd/store.js");
  return etcdStore({
    endpoints,
    prefix: settings.etcdPrefix,
    leaderTtlSeconds: settings.leaderSeconds,
    epochAbove,
    tls: tlsOf(settings),
    ...(etcdUser === null || etcdPassword === null ? {} : { auth: { user: etcdUser, password: etcdPassword } }),
    clock,
    log,
  });
}

function tlsOf({ etcdAuthority, etcdCertificate, etcdKey }: SchedulerSettings) {
  return {
    ...(etcdAuthority === null ? {} : { ca: readSecretFile("HEADROOM_ETCD_AUTHORITY", etcdAuthority) }),
    ...(etcdCertificate === null ? {} : { cert: readSecretFile("HEADROOM_ETCD_CERTIFICATE", etcdCertificate) }),
    ...(etcdKey === null ? {} : { key: readSecretFile("HEADROOM_ETCD_KEY", etcdKey) }),
  };
}
