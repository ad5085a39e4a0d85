/** For a VM that no host takes: the one live move that would make room for it, told in explanations. Nothing is moved. */
import { type Movable, type Move, moveThatMakesRoom } from "../core/placement/making-room.js";
import { obstacleOf, unfit } from "./drain.js";
import type { HostEntry } from "./host-entry.js";
import type { VmRecord } from "./record-model.js";
import type { Reign } from "./reign.js";
import { constraintsOf, constraintsOfRecord, shapeOf } from "./room.js";
import type { ClusterDeploy } from "./service.js";

/** Every VM is looked at: in a larger cluster others would wait for it. */
const MOST_HOSTS = 1_000;

export function moveFor(reign: Reign, request: ClusterDeploy): Move | null {
  if (reign.entries.size > MOST_HOSTS) return null;
  const { constraints } = request;
  const hosts = [...reign.entries.values()].filter(({ id }) => constraints?.hosts?.includes(id) ?? true);
  const movable = hosts.flatMap((entry) => movableOn(reign, entry));
  return moveThatMakesRoom(reign.room.placer, movable, shapeOf(request), constraintsOf(request));
}

function movableOn(reign: Reign, entry: HostEntry): Movable[] {
  const summary = reign.room.summaryOf(entry.id);
  // A host that takes no VMs has no use for room.
  if (summary === undefined || summary.cordoned) return [];
  const counted = new Set(entry.status?.pools.flatMap(({ vms }) => vms));
  const claims = [...reign.room.claimsOn(entry.id).values()];
  return claims.flatMap((claim): Movable[] => {
    const record = reign.vms.get(claim.name);
    if (record?.phase !== "placed" || !counted.has(claim.name) || reign.locks.isHeld(claim.name)) return [];
    if (obstacleOf(entry, record, entry.vms.get(claim.name), reign.conflicts.has(claim.name)) !== null) return [];
    return [
      {
        name: claim.name,
        host: summary,
        shape: shapeOf(claim),
        constraints: constraintsOfRecord(record),
        staying: claims.filter((other) => other !== claim).map(shapeOf),
        exclude: () => excluded(reign, entry, record),
      },
    ];
  });
}

function excluded(reign: Reign, source: HostEntry, { constraints }: VmRecord): ReadonlySet<string> {
  const named = constraints?.hosts ?? null;
  const others = [...reign.entries.values()].filter((entry) => unfit(source, entry, named) !== null);
  return new Set([source.id, ...others.map(({ id }) => id)]);
}
