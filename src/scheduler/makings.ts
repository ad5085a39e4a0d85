/** Requests for which room is looked for or made now: for those who ask, for those who withdraw one, and so that two plans never count on the same VM. */
import type { RoomMoves } from "../core/placement/making-room.js";
import type { Milliseconds } from "../core/units.js";

/** One request. */
export class Making {
  /** Null: it is not withdrawn. Otherwise why. */
  withdrawn: string | null = null;
  /** Null: moves are looked for. */
  plan: RoomMoves | null = null;

  constructor(
    /** The VM that is to be placed, or to grow. */
    readonly vm: string,
    readonly since: Milliseconds,
    readonly deadline: Milliseconds,
  ) {}

  /** Why nothing more is begun, and what is under way is ended, in words; null: nothing is against it. */
  ended(now: Milliseconds): string | null {
    if (this.withdrawn !== null) return this.withdrawn;
    return now < this.deadline
      ? null
      : `the move was not done within ${(this.deadline - this.since) / 1000} s of the request`;
  }
}

export class Makings {
  private readonly all = new Map<string, Making>();

  /** Callers hold the VM's lock: there is none of its name. */
  async run<T>(making: Making, job: () => Promise<T>): Promise<T> {
    this.all.set(making.vm, making);
    try {
      return await job();
    } finally {
      this.all.delete(making.vm);
    }
  }

  /** Nobody waits for it any more. */
  withdraw(vm: string, why: string): void {
    const making = this.all.get(vm);
    if (making !== undefined) making.withdrawn ??= why;
  }

  /** For whom the VM is moved, or is to be; null: for nobody. */
  waitingFor(vm: string): string | null {
    for (const making of this.all.values()) if (making.plan?.moves.some((move) => move.vm === vm)) return making.vm;
    return null;
  }

  values(): Iterable<Making> {
    return this.all.values();
  }
}
