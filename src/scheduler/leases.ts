/**
 * Host leases in the store, for who does not lead: a standby and other readers see by them which hosts are alive. The leader
 * decides by its own clock; a lease that could not be renewed costs a host nothing.
 */
import { seconds } from "../core/units.js";
import { OperationalError } from "../ports/errors.js";
import type { Reign } from "./reign.js";

const [SHORTEST_S, LONGEST_S] = [2, 3_600];

export class LeaseKeeper {
  private readonly open = new Set<string>();
  private lastRenewal = Number.NEGATIVE_INFINITY;
  private busy = false;

  constructor(private readonly reign: Reign) {}

  /** Renews the leases of the hosts that were heard of since the last time; opens those that are missing. */
  async renew(): Promise<void> {
    const { reign } = this;
    if (this.busy || reign.now() - this.lastRenewal < reign.settings.heartbeatInterval) return;
    const heard = [...reign.entries.values()]
      .filter((entry) => entry.lastHeard !== null && entry.lastHeard > this.lastRenewal)
      .map((entry) => entry.id);
    this.busy = true;
    this.lastRenewal = reign.now();
    try {
      await this.renewThese(heard);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      reign.ports.log.warn({ err: error }, "host leases could not be renewed; the next round tries again");
    } finally {
      this.busy = false;
    }
  }

  private async renewThese(hosts: readonly string[]): Promise<void> {
    const { leases } = this.reign.ports.store;
    const held = hosts.filter((host) => this.open.has(host));
    const missing = held.length === 0 ? [] : await leases.keepAlive(held);
    for (const host of missing) this.open.delete(host);
    for (const host of hosts) if (!this.open.has(host)) await this.openLease(host);
  }

  private async openLease(host: string): Promise<void> {
    const { reign } = this;
    const period = Math.min(LONGEST_S, Math.max(SHORTEST_S, Math.ceil(reign.settings.downAfter / 1000)));
    const outcome = await reign.ports.store.leases.open(host, seconds(period), reign.leadership);
    if (outcome === "opened") this.open.add(host);
  }
}
