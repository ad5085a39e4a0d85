/** For a VM that no host takes, or whose host cannot give it the size that it wants: the live moves that would make room for it, among VMs that could be moved now. Nothing is moved here. */

import { afterDeparture } from "../core/placement/after.js";
import {
  type Guest,
  isCounted,
  movesFoundInPieces,
  movesThatMakeRoom,
  type PlacementView,
  type Residents,
  type RoomMoves,
} from "../core/placement/making-room.js";
import type { HostSummary } from "../core/placement/model.js";
import { emptied, nearestHosts } from "../core/placement/nearest-hosts.js";
import { milliseconds } from "../core/units.js";
import { obstacleOf, unfit } from "./drain.js";
import type { HostEntry } from "./host-entry.js";
import type { VmRecord, VmSize } from "./record-model.js";
import type { Reign } from "./reign.js";
import { type Claim, constraintsOf, constraintsOfRecord, shapeOf, vmsInPools } from "./room.js";
import type { ClusterDeploy, ClusterRoom } from "./service.js";

/** A VM that an agent would not let go or take (a disk that is not shared, say) is not thought of for a while: it would be the cheapest again. */
const FAILED_REST = milliseconds(600_000);

/** Who needs room, and what makes some. */
export interface RoomNeed {
  readonly vm: string;
  /** The same for needs that the same moves help. */
  readonly key: string;
  /** Holds the room while it is made: beyond what the host has, so that it takes nobody else. */
  readonly claim: Claim;
  /** Null: no moves within `limit` help. */
  plan(limit: number): RoomMoves | null;
  /** The same, while other work goes on: what it gives holds in the turn in which it is given. */
  search(limit: number): Promise<RoomMoves | null>;
  /** Where there is room now, the claim aside; null: nowhere. */
  host(): string | null;
}

/** Of a VM that is to be placed. `exclude`: hosts that are not to take it. */
export function placementNeed(reign: Reign, request: ClusterDeploy, exclude: ReadonlySet<string>): RoomNeed {
  const wanted = { name: request.name, shape: shapeOf(request), constraints: constraintsOf(request), exclude };
  const { shape, constraints } = wanted;
  return {
    vm: request.name,
    key: JSON.stringify([shape, constraints, [...exclude].sort()]),
    claim: { name: request.name, ...shape, antiAffinity: constraints.antiAffinityGroup },
    plan: (limit) => movesThatMakeRoom(reign.room.placer, residentsIn(reign, wanted.name), wanted, limit),
    search: (limit) =>
      movesFoundInPieces(reign.room.placer, residentsIn(reign, wanted.name), wanted, limit, () => pause(reign)),
    host: () => reign.room.choose(shape, constraints, exclude),
  };
}

/** Of a VM that is to have another size on its host, which is seen without it: it takes the new size in place of its own. */
export function growthNeed(reign: Reign, record: VmRecord, size: VmSize): RoomNeed {
  const { name, host } = record;
  const { placer } = reign.room;
  const without = (): HostSummary | null => {
    const summary = placer.host(host);
    const staying = othersOn(reign, host, name).map(shapeOf);
    return summary === undefined || !isCounted(summary, record) ? null : afterDeparture(summary, record, null, staying);
  };
  const constraints = { ...constraintsOfRecord(record), antiAffinityGroup: null };
  const shape = shapeOf(size);
  const exclude = new Set([...reign.entries.keys()].filter((id) => id !== host));
  const plan = (limit: number): RoomMoves | null => {
    const seen = without();
    if (seen === null) return null;
    const view: PlacementView = {
      host: (id) => (id === host ? seen : placer.host(id)),
      nearest: (of, limits, excluded, most) => {
        const isSuited = (): boolean => !excluded.has(host) && placer.takes(emptied(seen), of, limits);
        return nearestHosts([seen], of, isSuited, most);
      },
      takes: placer.takes.bind(placer),
      candidates: placer.candidates.bind(placer),
    };
    return movesThatMakeRoom(view, residentsIn(reign, name), { name, shape, constraints, exclude }, limit);
  };
  return {
    vm: name,
    key: JSON.stringify([name, host, shape]),
    // No VM has such a name: the VM itself is counted there as it is.
    claim: { name: `${name} (its new size)`, ...shape, antiAffinity: null },
    plan,
    // One host is looked at: that is done at once.
    search: async (limit) => plan(limit),
    host: () => {
      const seen = without();
      return seen !== null && placer.takes(seen, shape, constraints) ? host : null;
    },
  };
}

/** Others are served meanwhile. */
async function pause(reign: Reign): Promise<void> {
  await reign.sleep(milliseconds(0));
  reign.mustLead();
}

function residentsIn(reign: Reign, wanted: string): (host: HostSummary) => Residents {
  const targets = new Targets(reign);
  return (host) => residentsOf(reign, host, wanted, targets);
}

const othersOn = (reign: Reign, host: string, name: string): readonly Claim[] =>
  [...reign.room.claimsOn(host).values()].filter((claim) => claim.name !== name);

/** What a deploy would do, or what somebody could do who has no budget: then a single move. */
export function explainedRoom(reign: Reign, request: ClusterDeploy): ClusterRoom | null {
  const { migrationBudget } = reign.settings;
  const moves = placementNeed(reign, request, notNamed(reign, request)).plan(Math.max(1, migrationBudget));
  return moves === null ? null : { ...moves, automatic: migrationBudget > 0 };
}

/** Hosts that the request does not name, where it names some. */
export function notNamed(reign: Reign, { constraints }: ClusterDeploy): Set<string> {
  if (constraints?.hosts === undefined) return new Set();
  const allowed = new Set(constraints.hosts);
  return new Set([...reign.entries.keys()].filter((host) => !allowed.has(host)));
}

/** The VM that room is looked for is not one of them. */
function residentsOf(reign: Reign, { id }: HostSummary, wanted: string, targets: Targets): Residents {
  const entry = reign.entries.get(id);
  const claims = othersOn(reign, id, wanted);
  const shapes = claims.map(shapeOf);
  if (entry === undefined || entry.status === null) return { shapes, movable: [] };
  const counted = vmsInPools(entry.status);
  const movable = claims.flatMap(({ name }): Guest[] => {
    const record = reign.vms.get(name);
    if (record?.phase !== "placed" || record.host !== id || !counted.has(name)) return [];
    if (reign.locks.isHeld(name) || isResting(reign, name) || reign.makings.waitingFor(name) !== null) return [];
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
