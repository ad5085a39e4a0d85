/** For a VM that no host takes: the live moves that would make room for it, among VMs that could be moved now. Nothing is moved here. */
import { type Guest, movesThatMakeRoom, type Residents, type RoomMoves } from "../core/placement/making-room.js";
import type { HostSummary } from "../core/placement/model.js";
import { milliseconds } from "../core/units.js";
import { obstacleOf, unfit } from "./drain.js";
import type { HostEntry } from "./host-entry.js";
import type { VmRecord } from "./record-model.js";
import type { Reign } from "./reign.js";
import { constraintsOf, constraintsOfRecord, shapeOf } from "./room.js";
import type { ClusterDeploy, ClusterRoom } from "./service.js";

/** A VM that an agent would not let go or take (a disk that is not shared, say) is not thought of for a while: it would be the cheapest again. */
const FAILED_REST = milliseconds(600_000);

/** `exclude`: hosts that are not to take it. Null: no moves within `limit` help. */
export function planRoomFor(
  reign: Reign,
  request: ClusterDeploy,
  exclude: ReadonlySet<string>,
  limit: number,
): RoomMoves | null {
  const wanted = { name: request.name, shape: shapeOf(request), constraints: constraintsOf(request), exclude };
  const targets = new Targets(reign);
  return movesThatMakeRoom(reign.room.placer, (host) => residentsOf(reign, host, targets), wanted, limit);
}

/** What a deploy would do, or what somebody could do who has no budget: then a single move. */
export function explainedRoom(reign: Reign, request: ClusterDeploy): ClusterRoom | null {
  const { migrationBudget } = reign.settings;
  const moves = planRoomFor(reign, request, notNamed(reign, request), Math.max(1, migrationBudget));
  return moves === null ? null : { ...moves, automatic: migrationBudget > 0 };
}

/** Hosts that the request does not name, where it names some. */
export function notNamed(reign: Reign, { constraints }: ClusterDeploy): Set<string> {
  if (constraints?.hosts === undefined) return new Set();
  const allowed = new Set(constraints.hosts);
  return new Set([...reign.entries.keys()].filter((host) => !allowed.has(host)));
}

function residentsOf(reign: Reign, { id }: HostSummary, targets: Targets): Residents {
  const entry = reign.entries.get(id);
  const claims = [...reign.room.claimsOn(id).values()];
  const shapes = claims.map(shapeOf);
  if (entry === undefined) return { shapes, movable: [] };
  const counted = new Set(entry.status?.pools.flatMap(({ vms }) => vms));
  const movable = claims.flatMap(({ name }): Guest[] => {
    const record = reign.vms.get(name);
    if (record?.phase !== "placed" || record.host !== id || !counted.has(name)) return [];
    if (reign.locks.isHeld(name) || isResting(reign, name)) return [];
    if (obstacleOf(entry, record, entry.vms.get(name), reign.conflicts.has(name)) !== null) return [];
    return [
      { name, shape: shapeOf(record), constraints: constraintsOfRecord(record), exclude: targets.not(entry, record) },
    ];
  });
  return { shapes, movable };
}

function isResting(reign: Reign, name: string): boolean {
  const note = reign.moves.get(name);
  return note !== undefined && note.tried.size > 0 && reign.now() - note.since < FAILED_REST;
}

/** Hosts to which VMs cannot be moved, worked out once for those that are alike in it. */
class Targets {
  private readonly known = new Map<string, ReadonlySet<string>>();

  constructor(private readonly reign: Reign) {}

  not(source: HostEntry, { constraints }: VmRecord): ReadonlySet<string> {
    const named = constraints?.hosts ?? null;
    const key = JSON.stringify([source.status?.hypervisor.accelerator, named]);
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const others = [...this.reign.entries.values()].filter((entry) => unfit(source, entry, named) !== null);
    const set = new Set(others.map(({ id }) => id));
    this.known.set(key, set);
    return set;
  }
}
