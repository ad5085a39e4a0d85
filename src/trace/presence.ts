/**
 * When something is in a trace, in little memory. A tick is the number of a timestamp in the trace, from 0. Presence is a list
 * of intervals of ticks (one for a VM without gaps); timestamps are runs of equal steps (one for an undisturbed recording), so
 * that both stay flat in the length of a trace.
 */

export class Presence {
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  #last = -2;

  /** Last tick marked; -2 when none was. */
  get last(): number {
    return this.#last;
  }

  get first(): number {
    return this.#starts[0] ?? -2;
  }

  /** Ticks are marked in ascending order; false where `tick` is marked already. */
  mark(tick: number): boolean {
    const last = this.#last;
    if (last === tick) return false;
    this.#last = tick;
    if (last === tick - 1) this.#ends[this.#ends.length - 1] = tick;
    else {
      this.#starts.push(tick);
      this.#ends.push(tick);
    }
    return true;
  }

  has(tick: number): boolean {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! > tick) high = middle - 1;
      else if (this.#ends[middle]! < tick) low = middle + 1;
      else return true;
    }
    return false;
  }

  /** Ticks at which it begins or begins again. */
  get starts(): readonly number[] {
    return this.#starts;
  }

  /** Ticks at which it is seen for the last time, or for the last time before a gap. */
  get ends(): readonly number[] {
    return this.#ends;
  }
}

export class TickTimes {
  readonly #firstTicks: number[] = [];
  readonly #firstTimes: number[] = [];
  readonly #steps: number[] = [];
  #count = 0;
  #last = Number.NEGATIVE_INFINITY;

  get count(): number {
    return this.#count;
  }

  /** The last timestamp, in seconds; minus infinity before the first. */
  get last(): number {
    return this.#last;
  }

  /** Adds the next timestamp, later than all before; returns its tick. */
  add(seconds: number): number {
    const step = seconds - this.#last;
    const run = this.#steps.length - 1;
    if (run < 0 || (this.#steps[run] !== 0 && this.#steps[run] !== step)) {
      this.#firstTicks.push(this.#count);
      this.#firstTimes.push(seconds);
      this.#steps.push(0);
    } else this.#steps[run] = step;
    this.#last = seconds;
    this.#count += 1;
    return this.#count - 1;
  }

  /** Seconds of a tick that was added. */
  timeOf(tick: number): number {
    let low = 0;
    let high = this.#firstTicks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#firstTicks[middle]! > tick) high = middle - 1;
      else low = middle;
    }
    return this.#firstTimes[low]! + (tick - this.#firstTicks[low]!) * this.#steps[low]!;
  }
}
