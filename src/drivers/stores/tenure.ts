/** The part of a leadership that both stores share: an epoch, and the one moment at which it ends. */
import type { Leadership } from "../../ports/cluster-store.js";

export abstract class Tenure implements Leadership {
  private readonly over = new AbortController();

  protected constructor(readonly epoch: number) {}

  get lost(): AbortSignal {
    return this.over.signal;
  }

  get isOver(): boolean {
    return this.over.signal.aborted;
  }

  /** The first reason counts. */
  lose(reason: string): void {
    if (!this.over.signal.aborted) this.over.abort(new Error(reason));
  }

  abstract resign(): Promise<void>;
}
