/** Pools that follow their usage, in words. Pure. */
import { decimal, duration, ratioText } from "./format.js";
import type { PoolRow } from "./host-row.js";

export type Dynamics = NonNullable<PoolRow["dynamics"]>;
type Move = NonNullable<Dynamics["lastMove"]>;

const REASONS: Readonly<Record<Move["reason"], string>> = {
  waiting: "its guests waited",
  demand: "its guests wanted more than it held",
  expected: "its expected peak needs more",
  "as-sold": "back to what was sold",
  calm: "it was calm",
};

export const dynamicPools = (pools: readonly PoolRow[]): readonly (PoolRow & { readonly dynamics: Dynamics })[] =>
  pools.flatMap((pool) => (pool.dynamics === undefined ? [] : [{ ...pool, dynamics: pool.dynamics }]));

export const boundsText = ({ leastRatio, mostRatio }: Dynamics): string =>
  leastRatio === mostRatio ? "stays" : `${decimal(leastRatio)} to ${decimal(mostRatio)}`;

/** pCPUs of its own that it does not run on now. */
export const restingOf = ({
  pcpuCount,
  dynamics,
}: {
  readonly pcpuCount: number;
  readonly dynamics: Dynamics;
}): number => Math.max(0, pcpuCount - dynamics.activePcpus);

export function moveText(move: Move | null, now: number): string {
  if (move === null) return "not since its agent began";
  const { at, from, to, reason } = move;
  return `${ratioText(from)} to ${ratioText(to)}, ${duration(Math.max(0, now - at))} ago: ${REASONS[reason]}`;
}
