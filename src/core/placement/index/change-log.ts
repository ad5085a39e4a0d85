/**
 * Which classes of hosts appeared and which were given up, in order, so that each shape's index catches up when it is asked,
 * and shapes that nobody asks for cost nothing. A reader that fell behind what is remembered starts anew.
 */

/** Never fewer than so many events are remembered; more where there are many classes. */
const LEAST_REMEMBERED = 4096;

export class ChangeLog {
  /** `slot` for an appearance, `~slot` (negative) for a class given up. */
  #events: number[] = [];
  /** Number of events that are forgotten. */
  #start = 0;

  /** Where a reader that knows everything stands. */
  get end(): number {
    return this.#start + this.#events.length;
  }

  remembers(cursor: number): boolean {
    return cursor >= this.#start;
  }

  /** `cursor` must be remembered, and before the end. */
  at(cursor: number): number {
    return this.#events[cursor - this.#start]!;
  }

  /** Remembers at least as many events as there are classes: replaying more costs about as much as starting anew. */
  append(event: number, classes: number): void {
    this.#events.push(event);
    if (this.#events.length < 2 * Math.max(LEAST_REMEMBERED, classes)) return;
    const forgotten = this.#events.length >> 1;
    this.#events = this.#events.slice(forgotten);
    this.#start += forgotten;
  }
}
