/** First fit: the first host, in the order of their numbers, that takes the VM. What the published simulator does in fact. */
import { FEW_HOSTS } from "../best-hosts.js";
import { CHANGES, type Hosts } from "../hosts.js";
import type { VmColumns } from "../model.js";
import type { Policy } from "../run.js";

export const firstFit: Policy = {
  begin(vms, hosts) {
    const { level, vcpus, memoryMiB } = vms.needs;
    const first = new FirstHosts(vms, hosts);
    return (vm) => {
      const need = vms.need[vm]!;
      // Among few it is found sooner than what changed is gone through.
      if (hosts.open > FEW_HOSTS) return first.fit(need);
      return hosts.firstFit(0, level[need]!, vcpus[need]!, memoryMiB[need]!);
    };
  },
};

/** Of every need, the host that took it last: only those that changed since may come before it. */
class FirstHosts {
  private readonly from: Int32Array;
  /** By need: changes of hosts when it was asked for last. */
  private readonly seen: Int32Array;

  constructor(
    private readonly vms: VmColumns,
    private readonly hosts: Hosts,
  ) {
    this.from = new Int32Array(vms.needs.count);
    this.seen = new Int32Array(vms.needs.count).fill(hosts.changeCount);
  }

  /** -1: none takes it. */
  fit(need: number): number {
    const { hosts } = this;
    const { needs } = this.vms;
    const level = needs.level[need]!;
    const vcpus = needs.vcpus[need]!;
    const memoryMiB = needs.memoryMiB[need]!;
    const host = hosts.firstFit(this.firstPossible(need, level, vcpus, memoryMiB), level, vcpus, memoryMiB);
    // Where none takes it, the next that does has changed by then, or is opened.
    this.from[need] = host < 0 ? hosts.open : host;
    this.seen[need] = hosts.changeCount;
    return host;
  }

  private firstPossible(need: number, level: number, vcpus: number, memoryMiB: number): number {
    const { hosts, seen } = this;
    const { changes, changeCount, opened } = hosts;
    const behind = changeCount - seen[need]!;
    // To look at all hosts costs no more than at so many changes; and no more of them are remembered.
    if (behind > CHANGES || behind > opened) return 0;
    let from = this.from[need]!;
    for (let at = seen[need]!; at < changeCount; at++) {
      const host = changes[at % CHANGES]!;
      if (host < from && hosts.fits(host, level, vcpus, memoryMiB)) from = host;
    }
    return from;
  }
}
