/**
 * How much a leader may move to make room, so that a storm of refusals thrashes no cluster: so many requests at once, so many moves in any
 * hour, and no second look for the same VM within moments of one that was in vain. A plan's moves are set aside when it is made, so that
 * plans made at once do not share the last of them; each counts once it is begun, whatever becomes of it, and those that are not begun are given
 * back. Kept in memory: a new leader begins anew.
 */
import { assert } from "../core/assert.js";
import { plural } from "../core/plural.js";
import { type Milliseconds, milliseconds } from "../core/units.js";
import type { SchedulerSettings } from "./settings.js";

const HOUR = milliseconds(3_600_000);
/** A look costs milliseconds: the same request, a thousand times a second, must not stop everything else. */
const VAIN_FOR = milliseconds(1_000);
/** Requests that are looked for in vain, remembered at once. */
const MOST_VAIN = 1_000;

type Limits = Pick<SchedulerSettings, "migrationsPerHour" | "roomMakersAtOnce">;

/** The moves of one plan. */
export interface Allowance {
  /** So many are begun. */
  readonly begun: number;
  begin(now: Milliseconds): void;
  /** Those that were not begun are anybody's again. */
  giveBack(): void;
}

export class RoomBudget {
  /** When moves were begun, in the last hour; oldest first. */
  private readonly begun: Milliseconds[] = [];
  /** Of plans that are carried out, and not begun yet. */
  private setAside = 0;
  private making = 0;
  private readonly vain = new Map<string, Milliseconds>();

  constructor(private readonly limits: Limits) {}

  /** Why no room is made now, in words; null: nothing is against it. */
  obstacle(now: Milliseconds): string | null {
    if (this.making >= this.limits.roomMakersAtOnce) return `room is being made for ${plural(this.making, "other")}`;
    return this.usedUp(now);
  }

  usedUp(now: Milliseconds): string | null {
    if (this.movesLeft(now) > 0) return null;
    return `room may be made by ${plural(this.limits.migrationsPerHour, "live move")} in an hour, and that is used up`;
  }

  movesLeft(now: Milliseconds): number {
    return Math.max(0, this.limits.migrationsPerHour - this.begunLately(now).length - this.setAside);
  }

  /** Of the last hour: moves that were begun, those that plans have set aside, and when the next one is allowed again that is not now. */
  used(now: Milliseconds): { readonly begun: number; readonly planned: number; readonly nextIn: Milliseconds | null } {
    const [oldest] = this.begunLately(now);
    const nextIn = oldest === undefined ? null : milliseconds(oldest + HOUR - now);
    return { begun: this.begun.length, planned: this.setAside, nextIn };
  }

  setMovesAside(moves: number): Allowance {
    this.setAside += moves;
    let [left, begun] = [moves, 0];
    return {
      get begun() {
        return begun;
      },
      begin: (now) => {
        assert(left > 0, "more moves than were planned");
        left--;
        begun++;
        this.setAside--;
        this.begun.push(now);
      },
      giveBack: () => {
        this.setAside -= left;
        left = 0;
      },
    };
  }

  /** One of the requests for which room is made at once. */
  async run<T>(job: () => Promise<T>): Promise<T> {
    this.making++;
    try {
      return await job();
    } finally {
      this.making--;
    }
  }

  wasVain(request: string, now: Milliseconds): boolean {
    const since = this.vain.get(request);
    return since !== undefined && now - since < VAIN_FOR;
  }

  noteVain(request: string, now: Milliseconds): void {
    if (this.vain.size >= MOST_VAIN) this.vain.clear();
    this.vain.set(request, now);
  }

  private begunLately(now: Milliseconds): readonly Milliseconds[] {
    while (this.begun.length > 0 && now - this.begun[0]! >= HOUR) this.begun.shift();
    return this.begun;
  }
}
