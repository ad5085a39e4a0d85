/**
 * A pass over a workload: a policy chooses the host of every VM; the first refusal ends it. A pass can be left before an event and
 * continued from there with a limit: passes with different numbers of hosts are the same until one opens a host that the other has not.
 */
import { Hosts } from "./hosts.js";
import type { SizedHost, VmColumns } from "./model.js";

/** The host for the VM, or -1 when none takes it. Reads the hosts, never changes them. */
export type Choose = (vm: number) => number;

/**
 * Decides from the hosts alone. Hosts that were never opened are alike to it, and the first of equals is chosen: what a search
 * for the fewest hosts relies on (search.ts).
 */
export interface Policy {
  /** Told of the pass that begins; what it keeps belongs to that pass. */
  readonly begin: (vms: VmColumns, hosts: Hosts) => Choose;
}

/** Makes room for a VM that was refused by moving others; its host, or -1. Changes hosts and `hostOf` when it succeeds. */
export type MakeRoom = (vm: number, hosts: Hosts, hostOf: Int32Array) => number;

export interface Refused {
  readonly vm: number;
  readonly at: number;
}

export interface Pass {
  /** Host of each VM, where it was placed first; -1: the pass ended before, or it was refused. */
  readonly placement: Int32Array;
  /** Null: every VM was taken. */
  readonly refused: Refused | null;
  /** Hosts that ever had a VM. */
  readonly hostsUsed: number;
}

export class Run {
  private readonly choose: Choose;

  private constructor(
    private readonly vms: VmColumns,
    private readonly policy: Policy,
    private readonly hosts: Hosts,
    private readonly placement: Int32Array,
    /** Where each VM is now. */
    private readonly hostOf: Int32Array,
    private at: number,
  ) {
    this.choose = policy.begin(vms, hosts);
  }

  /** From the first event on. */
  static begin(vms: VmColumns, shape: SizedHost, limit: number, policy: Policy): Run {
    const nowhere = new Int32Array(vms.count).fill(-1);
    return new Run(vms, policy, new Hosts(limit, shape, vms), nowhere, nowhere.slice(), 0);
  }

  /** The same up to here, with no more hosts than `limit` from now on. */
  withLimit(limit: number): Run {
    const { vms, policy, hosts, placement, hostOf, at } = this;
    return new Run(vms, policy, hosts.copy(limit), placement.slice(), hostOf.slice(), at);
  }

  /** Until the end or a refusal. Null: before a VM for which host number `before` would be opened. */
  go(makeRoom: MakeRoom | null, before = Number.POSITIVE_INFINITY): Pass | null {
    const { vms, hosts, placement, hostOf, choose } = this;
    const { events } = vms;
    for (; this.at < events.length; this.at++) {
      const event = events[this.at]!;
      if (event < 0) {
        const vm = ~event;
        hosts.remove(hostOf[vm]!, vms, vm);
        hostOf[vm] = -1;
        continue;
      }
      let host = choose(event);
      if (host >= before) return null;
      if (host < 0 && makeRoom !== null) host = makeRoom(event, hosts, hostOf);
      if (host < 0) return { placement, refused: { vm: event, at: vms.arrival[event]! }, hostsUsed: hosts.opened };
      hosts.add(host, vms, event);
      placement[event] = host;
      hostOf[event] = host;
    }
    return { placement, refused: null, hostsUsed: hosts.opened };
  }

  /** Whether no open host takes the VM of the event before which the pass stands. */
  get nextNeedsHost(): Refused | null {
    const { vms, hosts } = this;
    const vm = vms.events[this.at]!;
    const host = hosts.firstFit(0, vms.level[vm]!, vms.vcpus[vm]!, vms.memoryMiB[vm]!);
    return host >= 0 && host < hosts.opened ? null : { vm, at: vms.arrival[vm]! };
  }
}

export function runPass(
  vms: VmColumns,
  shape: SizedHost,
  hostCount: number,
  policy: Policy,
  makeRoom: MakeRoom | null = null,
): Pass {
  return Run.begin(vms, shape, hostCount, policy).go(makeRoom)!;
}
