/**
 * Pools counted with other ratios than before (core/dynamic): the same VMs in pools that grow and shrink under them. Who asks
 * for fewer pCPUs gives them back first; then those who ask for more get what is free, in the order of asking. A pool that does
 * not get all that it asks for is counted with what it has: no pool ever holds less than its effective ratio says.
 */
import type { Ratio } from "../../units.js";
import { type ExactRatio, exactRatio, poolSize, ratioAbove } from "../exact-ratio.js";
import type { HostState, PoolDynamics } from "../model.js";
import { largestMember, type PoolDraft, totalNeed, unchanged } from "./draft.js";
import type { Geometry } from "./geometry.js";
import { settle } from "./settle.js";

/** What the draft's VMs need at a ratio. */
const needAt = ({ allocatedVcpus, members }: PoolDraft, exact: ExactRatio): number =>
  poolSize(allocatedVcpus, largestMember(members), exact);

/** The draft with `need` pCPUs, as near to what is wanted as that allows. */
function counted(draft: PoolDraft, wanted: PoolDynamics | null, need: number): PoolDraft {
  const asked = wanted?.effectiveRatio ?? draft.ratio;
  const isMet = needAt(draft, exactRatio(asked)) <= need;
  const effectiveRatio = isMet ? asked : ratioAbove(draft.allocatedVcpus / need);
  if (wanted === null && isMet) return { ...draft, need, exact: exactRatio(draft.ratio), dynamics: null };
  const most = wanted?.activePcpus ?? null;
  const active = most === null ? null : Math.max(1, largestMember(draft.members), most);
  const next = {
    effectiveRatio,
    activePcpus: active === null || active >= need ? null : active,
    borrows: wanted?.borrows ?? false,
  };
  const dynamics = draft.dynamics !== null && sameDynamics(draft.dynamics, next) ? draft.dynamics : next;
  return { ...draft, need, exact: exactRatio(effectiveRatio), dynamics };
}

const sameDynamics = (a: PoolDynamics, b: PoolDynamics): boolean =>
  a.effectiveRatio === b.effectiveRatio && a.activePcpus === b.activePcpus && a.borrows === b.borrows;

/**
 * The host with its pools as `wanted` has them, by ratio (null: as the ratio makes them), those that may grow first in its
 * order. Pools of ratio 1.0, without VMs or not in `wanted` stay as they are. The same host where nothing changes.
 */
export function adjustPools(
  geometry: Geometry,
  criticalSize: number,
  host: HostState,
  wanted: ReadonlyMap<Ratio, PoolDynamics | null>,
): HostState {
  const drafts = host.pools.map(unchanged);
  const asking = [...wanted.keys()]
    .map((one) => drafts.findIndex((draft) => draft.ratio === one))
    .filter((at) => at !== -1 && drafts[at]!.ratio > 1 && drafts[at]!.members.length > 0);
  const needs = new Map(
    asking.map((at) => {
      const draft = drafts[at]!;
      return [at, needAt(draft, exactRatio(wanted.get(draft.ratio)?.effectiveRatio ?? draft.ratio))];
    }),
  );
  const growers = asking.filter((at) => needs.get(at)! > drafts[at]!.need);
  for (const at of asking)
    if (!growers.includes(at)) drafts[at] = counted(drafts[at]!, wanted.get(drafts[at]!.ratio)!, needs.get(at)!);
  for (const at of growers) {
    const draft = drafts[at]!;
    const free = geometry.usableCount - totalNeed(drafts);
    drafts[at] = counted(draft, wanted.get(draft.ratio)!, Math.min(needs.get(at)!, draft.need + free));
  }
  const pools = settle(geometry, criticalSize, host.pools, drafts);
  return pools.every((pool, i) => pool === host.pools[i]) ? host : { ...host, pools };
}
