/** Counts what is under way and refuses beyond a limit: load that cannot be carried is said at once, not queued. */
import { RequestError } from "./problem.js";

export class Gate {
  private count = 0;
  constructor(
    private readonly limit: number,
    /** What is counted, in the plural. */
    private readonly what: string,
  ) {}

  get inside(): number {
    return this.count;
  }

  /** Throws `overloaded` at the limit; else the caller must call the given function, which counts once, when done. */
  enter(): () => void {
    if (this.count >= this.limit)
      throw new RequestError("overloaded", `${this.limit} ${this.what} are under way already, which is the limit`);
    this.count++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.count--;
    };
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    const leave = this.enter();
    try {
      return await work();
    } finally {
      leave();
    }
  }
}
