/**
 * How much a leader may move to make room, so that a storm of refusals thrashes no cluster: so many requests at once, so many moves in any
 * hour, and no second look for the same VM within moments of one that was in vain. Kept in memory: a new leader begins anew.
 */
import { plural } from "../core/plural.js";
import { type Milliseconds, milliseconds } from "../core/units.js";
import type { SchedulerSettings } from "./settings.js";

const HOUR = milliseconds(3_600_000);
/** A look costs milliseconds: the same request, a thousand times a second, must not stop everything else. */
const VAIN_FOR = milliseconds(1_000);
/** Requests that are looked for in vain, remembered at once. */
const MOST_VAIN = 1_000;

type Limits = Pick<SchedulerSettings, "migrationsPerHour" | "roomMakersAtOnce">;

export class RoomBudget {
  /** When moves were begun, in the last hour; oldest first. */
  private readonly begun: Milliseconds[] = [];
  private making = 0;
  private readonly vain = new Map<string, Milliseconds>();

  constructor(private readonly limits: Limits) {}

  /** Why no room is made now, in words; null: nothing is against it. */
  obstacle(now: Milliseconds): string | null {
    const { migrationsPerHour, roomMakersAtOnce } = this.limits;
    if (this.making >= roomMakersAtOnce) return `room is being made for ${plural(this.making, "other")}`;
    return this.movesLeft(now) > 0
      ? null
      : `room may be made by ${plural(migrationsPerHour, "live move")} in an hour, and that is used up`;
  }

  movesLeft(now: Milliseconds): number {
    while (this.begun.length > 0 && now - this.begun[0]! >= HOUR) this.begun.shift();
    return this.limits.migrationsPerHour - this.begun.length;
  }

  noteMove(now: Milliseconds): void {
    this.begun.push(now);
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
}
