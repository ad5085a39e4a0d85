/**
 * A list of numbers that is filled again and again without allocating: the reader of traces owns it, and lends it out. Of some
 * lists only the ends are wanted: of capacities the last number, of times the first, the last and how many there are.
 */
export type Wanted = "all" | "ends" | "ends and count";

export class NumberList {
  #values = new Float64Array(512);
  length = 0;
  /** Nulls, NaN and infinities: they stand in traces for samples that did not come. */
  missing = 0;
  /** Numbers between the ends that were passed over. */
  passed = 0;
  /** Whether the list was there at all. */
  isTold = false;

  /** Whoever fills it may leave out what is not wanted. */
  constructor(readonly wanted: Wanted = "all") {}

  /** Where the numbers lie, and those of an earlier filling behind them. */
  get values(): Float64Array<ArrayBuffer> {
    return this.#values;
  }

  /** Makes room for more than `values` holds. */
  grow(): void {
    const larger = new Float64Array(this.#values.length * 2);
    larger.set(this.#values);
    this.#values = larger;
  }

  clear(): void {
    this.length = 0;
    this.missing = 0;
    this.passed = 0;
    this.isTold = false;
  }

  /** The numbers, until the list is filled again. */
  view(): Float64Array {
    return this.#values.subarray(0, this.length);
  }

  get first(): number | null {
    return this.length === 0 ? null : this.#values[0]!;
  }

  get last(): number | null {
    return this.length === 0 ? null : this.#values[this.length - 1]!;
  }

  /** Members, those that are no numbers and those that were passed over included; not where only the ends are wanted. */
  get count(): number {
    return this.length + this.missing + this.passed;
  }
}
