/**
 * Makes room for a VM that no host takes, or that is to grow where it is, by moving others live: the plan of room-plan.ts carried out move by
 * move, each a move as any other (move.ts), with its record, its reservation on the other host and its settling by whoever leads. What only
 * this leader knows is that the room is meant for somebody: it is claimed before the first move, and what a later move needs is claimed with
 * it, so nobody else gets it meanwhile. A leader that dies leaves moves that end by themselves, and a request that finds the room, or plans
 * anew, when it is repeated.
 *
 * A move that fails leaves its VM where it was; one before it is not taken back: that VM is as well off where it is now, and a third migration
 * would be for tidiness. While there is time and budget left, room is looked for anew, without the VM that would not move. A request that is
 * withdrawn ends its moves. What becomes of each failure: docs/decisions/0019-moves-that-make-room.md.
 */
import type { Move, RoomMoves } from "../core/placement/making-room.js";
import { plural } from "../core/plural.js";
import { milliseconds } from "../core/units.js";
import { obstacleOf, unfit } from "./drain.js";
import { Making } from "./makings.js";
import { settleMove, startMove, stopMove } from "./move.js";
import { hostsOf } from "./record-steps.js";
import type { Reign } from "./reign.js";
import type { Claim } from "./room.js";
import type { Allowance } from "./room-budget.js";
import type { RoomNeed } from "./room-plan.js";

export type RoomMade =
  /** On `host` the need's claim holds it: to be released in the turn in which the room is taken otherwise. */
  | { readonly kind: "made"; readonly host: string }
  /** `why`: what was tried, in words; null: nothing could be. */
  | { readonly kind: "none"; readonly why: string | null };

/** Callers hold the VM's lock, and no claim of the need's name. */
export async function makeRoom(reign: Reign, need: RoomNeed): Promise<RoomMade> {
  const { roomBudget, settings } = reign;
  if (settings.migrationBudget === 0 || roomBudget.wasVain(need.key, reign.now())) return { kind: "none", why: null };
  const obstacle = roomBudget.obstacle(reign.now());
  if (obstacle !== null) return { kind: "none", why: `no room is made: ${obstacle}` };
  const now = reign.now();
  const making = new Making(need.vm, now, milliseconds(now + settings.roomPatience));
  return roomBudget.run(() => reign.makings.run(making, () => tryToMake(reign, need, making)));
}

async function tryToMake(reign: Reign, need: RoomNeed, making: Making): Promise<RoomMade> {
  const { roomBudget, settings } = reign;
  const { vm } = need;
  let why: string | null = null;
  for (let left = settings.migrationBudget; left > 0 && making.ended(reign.now()) === null; ) {
    const plan = await need.search(Math.min(left, Math.max(1, roomBudget.movesLeft(reign.now()))));
    const host = making.withdrawn === null ? need.host() : null;
    if (host !== null) return made(reign, need, host, "there is room for it by now");
    const obstacle = roomBudget.usedUp(reign.now());
    if (plan === null || obstacle !== null) {
      if (plan === null) roomBudget.noteVain(need.key, reign.now());
      else why ??= `no room is made: ${obstacle}`;
      break;
    }
    // Others may have set the hour's moves aside while this one looked.
    if (plan.moves.length > roomBudget.movesLeft(reign.now())) continue;
    const begun = await carryOut(reign, need, making, plan);
    // Whatever became of the moves: there may be room now. In the turn in which the claim on it was given up, so that nobody else gets it.
    const after = making.withdrawn === null ? need.host() : null;
    if (after !== null) return made(reign, need, after, `room for it was made by ${inWords(plan)}`);
    why = begun.why;
    // A plan of which nothing could be begun counts, too: it would be found again.
    left -= Math.max(1, begun.moves);
  }
  why = making.withdrawn ?? why;
  if (why !== null) reign.events.emit("room-not-made", { vm }, why);
  return { kind: "none", why };
}

/** `why`: null where all moves were made. Afterwards only records claim anything. */
async function carryOut(
  reign: Reign,
  need: RoomNeed,
  making: Making,
  plan: RoomMoves,
): Promise<{ readonly moves: number; readonly why: string | null }> {
  const allowance = reign.roomBudget.setMovesAside(plan.moves.length);
  const message = `no room for it: ${inWords(plan)} would make some`;
  reign.events.emit("room-wanted", { vm: need.vm, host: plan.host }, message);
  const work = new RoomWork(reign, making, plan, allowance);
  work.claim(need.claim);
  try {
    const why = await work.run();
    return { moves: allowance.begun, why };
  } finally {
    allowance.giveBack();
    work.release(need.claim);
  }
}

function made(reign: Reign, { vm, claim }: RoomNeed, host: string, message: string): RoomMade {
  reign.room.claim(host, claim);
  reign.events.emit("room-made", { vm, host }, message);
  return { kind: "made", host };
}

const inWords = ({ moves }: RoomMoves): string =>
  `${plural(moves.length, "live move")}: ${moves.map(({ vm, from, to }) => `${vm} from ${from} to ${to}`).join(", ")}`;

/** One plan, carried out. */
class RoomWork {
  constructor(
    private readonly reign: Reign,
    private readonly making: Making,
    private readonly plan: RoomMoves,
    private readonly allowance: Allowance,
  ) {}

  /** Null: every move is made. Otherwise why not. */
  async run(): Promise<string | null> {
    for (const move of this.plan.moves) {
      const why = await this.make(move);
      if (why !== null) return `room for it could not be made: ${move.vm} stays on ${move.from}: ${why}`;
    }
    return null;
  }

  /** The room that is made, and where VMs go. */
  claim(made: Claim): void {
    const { making, plan } = this;
    const { room, vms } = this.reign;
    making.plan = plan;
    room.claim(plan.host, made);
    for (const { vm, to } of plan.moves) {
      const record = vms.get(vm);
      if (record !== null) room.claim(to, record);
    }
  }

  /** All but what records claim. */
  release(made: Claim): void {
    const { room, vms } = this.reign;
    this.making.plan = null;
    room.release(this.plan.host, made.name);
    for (const { vm, to } of this.plan.moves) {
      const record = vms.get(vm);
      const isThere = record !== null && record.phase !== "lost" && hostsOf(record).includes(to);
      if (!isThere) room.release(to, vm);
    }
  }

  /** Null: the VM has left its host. */
  private async make(move: Move): Promise<string | null> {
    const { reign, making } = this;
    const { vm, from } = move;
    const begun = await reign.locks.run(vm, () => this.begin(move));
    if ("reason" in begun) return begun.reason;
    for (;;) {
      const record = reign.vms.get(vm);
      if (record === null || record.host !== from) return null;
      if (record.pending !== begun.id) return reign.moves.get(vm)?.reason ?? "the move was ended";
      const ended = making.ended(reign.now());
      if (ended !== null) return this.stop(move, ended);
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
    const { reign, making } = this;
    reign.mustLead();
    const record = reign.vms.get(vm);
    const [source, target] = [reign.entries.get(from), reign.entries.get(to)];
    // It is gone, or went elsewhere: the room is there.
    if (record === null || record.host !== from) return { id: null };
    const ended = making.ended(reign.now());
    if (ended !== null) return { reason: ended };
    if (record.phase !== "placed") return { reason: "another request about it is under way" };
    if (source === undefined || target === undefined) return { reason: "one of the hosts is gone" };
    const obstacle =
      obstacleOf(source, record, source.vms.get(vm), reign.conflicts.has(vm)) ??
      unfit(source, target, record.constraints?.hosts ?? null);
    if (obstacle !== null) return { reason: obstacle };
    if (reign.room.summaryOf(to)?.cordoned !== false) return { reason: `${to} takes no VMs any more` };
    this.allowance.begin(reign.now());
    const { pending } = await startMove(reign, record, target, `, to make room for ${making.vm}`);
    return { id: pending };
  }

  private stop({ vm, from }: Move, why: string): Promise<string | null> {
    const { reign } = this;
    return reign.locks.run(vm, async () => {
      const record = reign.vms.get(vm);
      if (record?.phase === "migrating" && !(await stopMove(reign, record, why))) return `${why}, and goes on`;
      return reign.vms.get(vm)?.host === from ? why : null;
    });
  }
}
