/** A list of numbers that is filled again and again without allocating: the reader of traces owns it, and lends it out. */
export class NumberList {
  #values = new Float64Array(512);
  length = 0;
  /** Nulls, NaN and infinities: they stand in traces for samples that did not come. */
  missing = 0;
  /** Whether the list was there at all. */
  isTold = false;

  /** Where the numbers lie, with room for one more than `count`. */
  room(count: number): Float64Array<ArrayBuffer> {
    if (count === this.#values.length) {
      const larger = new Float64Array(count * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    return this.#values;
  }

  clear(): void {
    this.length = 0;
    this.missing = 0;
    this.isTold = false;
  }

  /** The numbers, until the list is filled again. */
  view(): Float64Array {
    return this.#values.subarray(0, this.length);
  }

  get last(): number | null {
    return this.length === 0 ? null : this.#values[this.length - 1]!;
  }
}
