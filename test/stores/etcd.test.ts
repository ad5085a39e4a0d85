/** The etcd store keeps the promises of the port, on a real etcd. */
import { after } from "node:test";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { etcdStore } from "../../src/drivers/stores/etcd/store.js";
import type { Leadership } from "../../src/ports/cluster-store.js";
import { quietLog } from "../support/quiet-log.js";
import { type EtcdCluster, skipWithoutEtcd, startEtcd } from "./etcd-lab.js";
import { storeSuite } from "./suite.js";
import { afterwards, create, mustCommit } from "./support.js";

let started: Promise<EtcdCluster> | null = null;
let opened = 0;
after(async () => (await started)?.stop());

storeSuite("etcd", skipWithoutEtcd, async (context) => {
  started ??= startEtcd();
  const etcd = await started;
  // Each test has a cluster of its own within one etcd.
  const prefix = `/test-${++opened}/`;
  const make = () => etcdStore({ endpoints: etcd.endpoints, prefix, clock: realClock(), log: quietLog() });
  const [store, other] = [make(), make()];
  afterwards(context, () => Promise.all([store.close(), other.close()]));
  const forgetHistory = async (leader: Leadership): Promise<void> => {
    const revision = await mustCommit(store, leader, create("last", "v"));
    await etcd.ctl("compact", String(revision));
  };
  return { store, other, forgetHistory };
});
