/** What an estimator remembers of each slice of the day; survives a restart as JSON. */
export class SliceMemory<T> {
  readonly #values = new Map<number, T>();

  of(slice: number): T | undefined {
    return this.#values.get(slice);
  }

  set(slice: number, value: T): void {
    this.#values.set(slice, value);
  }

  snapshot(): readonly (readonly [number, T])[] {
    return [...this.#values];
  }

  /** `state` is what `snapshot` gave, in this or an earlier process. */
  restore(state: unknown): void {
    this.#values.clear();
    for (const [slice, value] of state as readonly (readonly [number, T])[]) this.#values.set(slice, value);
  }
}
