/**
 * Makes room for a VM that no host takes, or that is to grow where it is, by moving others live: the plan of room-plan.ts carried out move by
 * move, each a move as any other (move.ts), with its record, its reservation on the other host and its settling by whoever leads. What only
 * this leader knows is that the room is meant for somebody: it is claimed before the first move, and what a later move needs is claimed with
 * it, so nobody else gets it meanwhile. A leader that dies leaves moves that end by themselves, and a request that finds the room, or plans
 * anew, when it is repeated.
 *
 * A move that fails leaves its VM where it was; one before it is not taken back: that VM is as well off where it is now, and a third migration
 * would be for tidiness.
 */
import type { Move, RoomMoves } from "../core/placement/making-room.js";
import { plural } from "../core/plural.js";
import { type Milliseconds, milliseconds } from "../core/units.js";
import { obstacleOf, unfit } from "./drain.js";
import { settleMove, startMove, stopMove } from "./move.js";
import { hostsOf } from "./record-steps.js";
import type { Reign } from "./reign.js";
import type { RoomNeed } from "./room-plan.js";

export type RoomMade =
  /** On `host` the need's claim holds it: to be released in the turn in which the room is taken otherwise. */
  | { readonly kind: "made"; readonly host: string }
  /** `why`: what was tried, in words; null: nothing could be. */
  | { readonly kind: "none"; readonly why: string | null };

const NOTHING: RoomMade = { kind: "none", why: null };

/** Callers hold the VM's lock, and no claim of the need's name. */
export async function makeRoom(reign: Reign, need: RoomNeed): Promise<RoomMade> {
  const { roomBudget, settings } = reign;
  const { vm } = need;
  if (settings.migrationBudget === 0 || roomBudget.wasVain(need.key, reign.now())) return NOTHING;
  const deadline = milliseconds(reign.now() + settings.roomPatience);
  let why: string | null = null;
  for (let left = settings.migrationBudget; left > 0 && reign.now() < deadline; ) {
    const obstacle = roomBudget.obstacle(reign.now());
    if (obstacle !== null) return { kind: "none", why: why ?? `no room is made: ${obstacle}` };
    const plan = need.plan(Math.min(left, roomBudget.movesLeft(reign.now())));
    if (plan === null) {
      roomBudget.noteVain(need.key, reign.now());
      break;
    }
    left -= plan.moves.length;
    reign.events.emit("room-wanted", { vm, host: plan.host }, `no room for it: ${inWords(plan)} would make some`);
    reign.room.claim(plan.host, need.claim);
    try {
      const work = new RoomWork(reign, vm, plan, deadline);
      why = await roomBudget.run(() => work.run());
    } finally {
      reign.room.release(plan.host, need.claim.name);
    }
    // Whatever became of the moves: there may be room now. In the same turn, so that nobody else gets it.
    const host = need.host();
    if (host === null) continue;
    reign.room.claim(host, need.claim);
    reign.events.emit("room-made", { vm, host }, `room for it was made by ${inWords(plan)}`);
    return { kind: "made", host };
  }
  if (why !== null) reign.events.emit("room-not-made", { vm }, why);
  return { kind: "none", why };
}

const inWords = ({ moves }: RoomMoves): string =>
  `${plural(moves.length, "live move")}: ${moves.map(({ vm, from, to }) => `${vm} from ${from} to ${to}`).join(", ")}`;

/** One plan, carried out. */
class RoomWork {
  constructor(
    private readonly reign: Reign,
    private readonly wanted: string,
    private readonly plan: RoomMoves,
    private readonly deadline: Milliseconds,
  ) {}

  /** Null: every move is made. Otherwise why not. Claims nothing afterwards but what records say. */
  async run(): Promise<string | null> {
    const { plan } = this;
    this.claim();
    try {
      for (const move of plan.moves) {
        const why = await this.make(move);
        if (why !== null) return `room for it could not be made: ${move.vm} stays on ${move.from}: ${why}`;
      }
      return null;
    } finally {
      this.release();
    }
  }

  private claim(): void {
    const { room, vms } = this.reign;
    for (const { vm, to } of this.plan.moves) {
      const record = vms.get(vm);
      if (record !== null) room.claim(to, record);
    }
  }

  private release(): void {
    const { room, vms } = this.reign;
    for (const { vm, to } of this.plan.moves) {
      const record = vms.get(vm);
      const isThere = record !== null && record.phase !== "lost" && hostsOf(record).includes(to);
      if (!isThere) room.release(to, vm);
    }
  }

  /** Null: the VM has left its host. */
  private async make(move: Move): Promise<string | null> {
    const { reign } = this;
    const { vm, from } = move;
    const begun = await reign.locks.run(vm, () => this.begin(move));
    if ("reason" in begun) return begun.reason;
    for (;;) {
      const record = reign.vms.get(vm);
      if (record === null || record.host !== from) return null;
      if (record.pending !== begun.id) return reign.moves.get(vm)?.reason ?? "the move was ended";
      if (reign.now() >= this.deadline) return this.stop(move);
      await reign.sleep(reign.settings.settleInterval);
      reign.mustLead();
      await reign.locks.run(vm, async () => {
        const now = reign.vms.get(vm);
        if (now?.pending === begun.id) await settleMove(reign, now);
      });
    }
  }

  /** Under the VM's lock. What was planned may have changed while the moves before were made. */
  private async begin({ vm, from, to }: Move): Promise<{ readonly id: string | null } | { readonly reason: string }> {
    const { reign, wanted } = this;
    const record = reign.vms.get(vm);
    const [source, target] = [reign.entries.get(from), reign.entries.get(to)];
    if (record === null) return { id: null };
    if (record.phase !== "placed" || record.host !== from) return { reason: "another request about it is under way" };
    if (source === undefined || target === undefined) return { reason: "one of the hosts is gone" };
    const obstacle =
      obstacleOf(source, record, source.vms.get(vm), reign.conflicts.has(vm)) ??
      unfit(source, target, record.constraints?.hosts ?? null);
    if (obstacle !== null) return { reason: obstacle };
    if (reign.room.summaryOf(to)?.cordoned !== false) return { reason: `${to} takes no VMs any more` };
    reign.roomBudget.noteMove(reign.now());
    const { pending } = await startMove(reign, record, target, `, to make room for ${wanted}`);
    return { id: pending };
  }

  private stop({ vm, from }: Move): Promise<string | null> {
    const { reign } = this;
    return reign.locks.run(vm, async () => {
      const record = reign.vms.get(vm);
      const late = `the move was not done within ${reign.settings.roomPatience / 1000} s`;
      if (record?.phase === "migrating" && !(await stopMove(reign, record, late))) return `${late}, and goes on`;
      return reign.vms.get(vm)?.host === from ? late : null;
    });
  }
}
