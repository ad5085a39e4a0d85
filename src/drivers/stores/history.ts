/** The latest changes of a store in memory, for readers that follow it at their own pace. */

interface Step<Item> {
  readonly revision: number;
  readonly items: readonly Item[];
}

export interface Followed<Item> {
  readonly revision: number;
  readonly items: readonly Item[];
}

export class History<Item> {
  private steps: Step<Item>[] = [];
  private kept = 0;
  private wakers = new Set<() => void>();
  private isClosed = false;

  /** `revision`: the state that the first change will follow. `most`: items kept at least. */
  constructor(
    private newest: number,
    private readonly most: number,
    private oldest = newest,
  ) {}

  get revision(): number {
    return this.newest;
  }

  append(revision: number, items: readonly Item[]): void {
    this.steps.push({ revision, items });
    this.newest = revision;
    this.kept += items.length;
    if (this.kept > 2 * this.most) this.forget();
    this.wake();
  }

  /** What came after `revision`; null when that is not known any more, or lies ahead. */
  since(revision: number): Followed<Item> | null {
    if (revision < this.oldest || revision > this.newest) return null;
    let low = 0;
    for (let high = this.steps.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (this.steps[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return { revision: this.newest, items: this.steps.slice(low).flatMap(({ items }) => items) };
  }

  /** Resolves when there is something after `revision`: true; or when there never will be for this reader: false. */
  async next(revision: number, signal: AbortSignal): Promise<boolean> {
    while (this.newest === revision && !signal.aborted && !this.isClosed) {
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          this.wakers.delete(wake);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        this.wakers.add(wake);
        signal.addEventListener("abort", wake, { once: true });
      });
    }
    return !signal.aborted && !this.isClosed;
  }

  close(): void {
    this.isClosed = true;
    this.wake();
  }

  private wake(): void {
    for (const wake of [...this.wakers]) wake();
  }

  private forget(): void {
    let dropped = 0;
    while (this.kept > this.most && dropped < this.steps.length) {
      const step = this.steps[dropped++]!;
      this.kept -= step.items.length;
      this.oldest = step.revision;
    }
    this.steps = this.steps.slice(dropped);
  }
}
