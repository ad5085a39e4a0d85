/** Sums what VMs come to, window by window, as they are read one after the other; the order of addition is the file's. */
import type { VmTotals } from "../../core/estimator/estimator.js";
import type { VmPart } from "../../core/estimator/vm-window.js";

export class WindowTotals {
  readonly #booked: Float64Array;
  readonly #peaks: Float64Array;
  readonly #fresh: Float64Array;
  readonly #unseen: Float64Array;
  readonly #count: Float64Array;
  readonly #isNumpy: Uint8Array;

  constructor(windows: number) {
    const zeros = (): Float64Array => new Float64Array(windows);
    [this.#booked, this.#peaks, this.#fresh, this.#unseen, this.#count] = [zeros(), zeros(), zeros(), zeros(), zeros()];
    this.#isNumpy = new Uint8Array(windows);
  }

  add(occurrence: number, part: VmPart, isThere: boolean): void {
    this.#booked[occurrence]! += part.booked;
    this.#peaks[occurrence]! += part.peak;
    this.#fresh[occurrence]! += part.fresh;
    this.#unseen[occurrence]! += part.unseen;
    if (isThere) this.#count[occurrence]! += 1;
    if (part.isNumpy) this.#isNumpy[occurrence] = 1;
  }

  at(occurrence: number): VmTotals {
    return {
      booked: this.#booked[occurrence]!,
      peaks: this.#peaks[occurrence]!,
      arithmetic: this.#isNumpy[occurrence] === 1 ? "numpy" : "decimal",
      fresh: this.#fresh[occurrence]!,
      unseen: this.#unseen[occurrence]!,
      count: this.#count[occurrence]!,
    };
  }
}
