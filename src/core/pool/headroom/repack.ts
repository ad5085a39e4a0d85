/**
 * Packing a host's pools again: the same VMs in the same pools, laid out so that fewer cores and L3 groups are shared
 * (pack.ts). For the agent's quiet moments: requests pack only as far as that pins no pool that they leave alone.
 */
import type { HostState } from "../model.js";
import type { Repacked } from "../policy.js";
import { boardOf, sameTerritory, territoryOf } from "./board.js";
import { unchanged } from "./draft.js";
import type { Geometry } from "./geometry.js";
import { pack } from "./pack.js";
import { finish, territoriesOf } from "./settle.js";
import { isSharing } from "./share.js";

/** Packs the pools again; pins at most `mostMoved` vCPUs anew. Pools that share for their critical size stay as they are. */
export function repackPools(
  geometry: Geometry,
  criticalSize: number,
  host: HostState,
  mostMoved = Number.POSITIVE_INFINITY,
): Repacked {
  if (isSharing(host.pools, criticalSize)) return { host, moved: 0 };
  const territories = territoriesOf(host.pools, criticalSize);
  const start = boardOf(
    geometry,
    host.pools.map((pool, i) => ({
      territory: territories[i]!,
      need: pool.pcpus.length,
      weight: pool.allocatedVcpus,
    })),
  );
  const last = pack(start, start, mostMoved);
  if (last === null) return { host, moved: 0 };
  const packed = last.board;
  const after = territories.map((ids, pool) => (sameTerritory(start, packed, pool) ? ids : territoryOf(packed, pool)));
  const pools = finish(geometry, criticalSize, host.pools.map(unchanged), territories, after);
  return { host: { ...host, pools }, moved: last.moved };
}
