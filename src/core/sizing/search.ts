/**
 * The smallest number of hosts with which a pass takes every VM. Searched upwards, every number tried, since with more hosts a
 * policy may refuse what it took with fewer. Several policies: the number counts with which one of them takes all.
 *
 * A number costs less than a pass: passes with n hosts and with more are the same until the one with more opens a host that the other
 * has not. So one pass without a limit is taken as far as that, and with n hosts it goes on from there. First fit opens a host only
 * where no other takes the VM: there, n hosts refuse it, and its search is a single pass.
 */
import { assert } from "../assert.js";
import type { SizedHost, VmColumns } from "./model.js";
import { type MakeRoom, type Pass, type Policy, type Refused, Run } from "./run.js";

export interface Fewest {
  readonly hosts: number;
  readonly pass: Pass;
  /** Place of the policy that takes all. */
  readonly policy: number;
  /** Live moves of the pass. */
  readonly moves: number;
  /** With one host less, of the policy that comes furthest. Null: no host at all is needed. */
  readonly refusedWithOneLess: Refused | null;
}

export interface SearchOptions {
  readonly vms: VmColumns;
  readonly shape: SizedHost;
  readonly policies: readonly Policy[];
  /** A lower bound: no policy takes all with fewer. */
  readonly from: number;
  /** Moves that may make room for a VM that would be refused, in a pass that `onMove` hears of. */
  readonly moving?: ((onMove: () => void) => MakeRoom) | null;
  /** Told of every number that is tried. */
  readonly onNumber?: (hosts: number) => void;
}

export function fewestHosts({ vms, shape, policies, from, moving = null, onNumber }: SearchOptions): Fewest {
  const searches = policies.map((policy) => new PolicySearch(vms, shape, policy, moving));
  // One less than the bound: who is refused there.
  let refusals = from === 0 ? [] : searches.map((search) => search.with(from - 1).pass.refused);
  for (let hosts = from; ; hosts++) {
    assert(hosts <= vms.count, "a host for each VM takes every VM");
    onNumber?.(hosts);
    const next: (Refused | null)[] = [];
    for (const [place, search] of searches.entries()) {
      const { pass, moves } = search.with(hosts);
      if (pass.refused === null) return { hosts, pass, policy: place, moves, refusedWithOneLess: latest(refusals) };
      next.push(pass.refused);
    }
    refusals = next;
  }
}

const latest = (refusals: readonly (Refused | null)[]): Refused | null =>
  refusals.reduce((last, one) => (last === null || (one !== null && one.at > last.at) ? one : last), null);

interface Tried {
  readonly pass: Pass;
  readonly moves: number;
}

/** Passes of one policy with ever more hosts. */
class PolicySearch {
  private readonly unlimited: Run;

  constructor(
    vms: VmColumns,
    shape: SizedHost,
    policy: Policy,
    private readonly moving: ((onMove: () => void) => MakeRoom) | null,
  ) {
    this.unlimited = Run.begin(vms, shape, Number.POSITIVE_INFINITY, policy);
  }

  with(hosts: number): Tried {
    const pass = this.unlimited.go(null, hosts);
    if (pass !== null) return { pass, moves: 0 };
    const refused = this.moving === null ? this.unlimited.nextNeedsHost : null;
    if (refused !== null) return { pass: { placement: new Int32Array(0), refused, hostsUsed: hosts }, moves: 0 };
    let moves = 0;
    const makeRoom = this.moving?.(() => moves++) ?? null;
    return { pass: this.unlimited.withLimit(hosts).go(makeRoom)!, moves };
  }
}
