/**
 * Holds the agent's state and keeps the journal in step with it. `save` writes first and changes the state only when that
 * worked: for steps that must not happen unrecorded. `set` changes the state at once and leaves the writing to `flush`:
 * for what is already so in the world. Only jobs of the queue write, one at a time.
 */
import type { DurableText } from "../ports/host.js";
import type { Log } from "../ports/log.js";
import type { Counters } from "./counters.js";
import type { AgentState } from "./state.js";

export class StateStore {
  private current: AgentState;
  private dirty = false;
  private failure: string | null = null;

  constructor(
    initial: AgentState,
    private readonly journal: DurableText,
    private readonly encode: (state: AgentState) => string,
    private readonly log: Log,
    private readonly counters: Counters,
  ) {
    this.current = initial;
  }

  get state(): AgentState {
    return this.current;
  }

  /** Why the journal is behind the state; null while it is not. */
  get problem(): string | null {
    return this.failure;
  }

  /** Throws `state-not-written`; the state is then as before (the file may hold either, and is written again later). */
  async save(next: AgentState): Promise<void> {
    await this.write(next);
    this.current = next;
  }

  set(next: AgentState): void {
    if (next === this.current) return;
    this.current = next;
    this.dirty = true;
  }

  /** `set`, and written if that can be done now. Never throws for a journal that cannot be written. */
  async keep(next: AgentState): Promise<void> {
    this.set(next);
    await this.flush();
  }

  /** Writes what `set` left. A failure is logged, shown as a problem and tried again at the next flush. */
  async flush(): Promise<void> {
    if (!this.dirty) return;
    try {
      await this.write(this.current);
    } catch (error) {
      this.log.warn({ err: error }, "the journal could not be written; the next tick tries again");
    }
  }

  private async write(next: AgentState): Promise<void> {
    this.dirty = true;
    try {
      await this.journal.write(this.encode(next));
    } catch (error) {
      this.failure = `the journal is not written: ${error instanceof Error ? error.message : String(error)}`;
      throw error;
    }
    this.counters.journalWrites++;
    this.dirty = false;
    this.failure = null;
  }
}
