/** One pass over a workload with a fixed number of hosts: a policy chooses the host of every VM; the first refusal ends it. */
import { Hosts } from "./hosts.js";
import type { SizedHost, VmColumns } from "./model.js";

/** The host for the VM, or -1 when none takes it. Reads the hosts, never changes them. */
export type Choose = (vm: number) => number;

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

export function runPass(
  vms: VmColumns,
  shape: SizedHost,
  hostCount: number,
  policy: Policy,
  makeRoom: MakeRoom | null = null,
): Pass {
  const hosts = new Hosts(hostCount, shape, vms.ratios);
  const choose = policy.begin(vms, hosts);
  const placement = new Int32Array(vms.count).fill(-1);
  /** Where it is now. */
  const hostOf = new Int32Array(vms.count).fill(-1);
  let highest = -1;
  for (const event of vms.events) {
    if (event < 0) {
      const vm = ~event;
      hosts.remove(hostOf[vm]!, vms, vm);
      hostOf[vm] = -1;
      continue;
    }
    let host = choose(event);
    if (host < 0 && makeRoom !== null) host = makeRoom(event, hosts, hostOf);
    if (host < 0) return { placement, refused: { vm: event, at: vms.arrival[event]! }, hostsUsed: highest + 1 };
    hosts.add(host, vms, event);
    placement[event] = host;
    hostOf[event] = host;
    if (host > highest) highest = host;
  }
  return { placement, refused: null, hostsUsed: highest + 1 };
}
