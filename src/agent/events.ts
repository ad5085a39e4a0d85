/** The agent's own events: numbered, stamped, the last 1,000 remembered, and handed to subscribers as they come. */
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { AgentEvent } from "./service.js";

/** What `eventsAfter` promises; at one event a second a reader may be away for a quarter of an hour. */
const REMEMBERED = 1_000;

export class EventLog {
  private readonly events: AgentEvent[] = [];
  private readonly listeners = new Set<(event: AgentEvent) => void>();
  private last = 0;

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
  ) {}

  emit(kind: AgentEvent["kind"], vm: string | null, message: string): void {
    const event: AgentEvent = { id: ++this.last, at: this.clock.now(), kind, vm, message };
    this.events.push(event);
    if (this.events.length > REMEMBERED) this.events.shift();
    const level = kind === "action-failed" || kind === "hypervisor-lost" || kind === "vm-unplaced" ? "warn" : "info";
    this.log[level]({ event: kind, vm }, message);
    for (const listener of this.listeners) this.tell(listener, event);
  }

  after(id: number): readonly AgentEvent[] {
    return this.events.filter((event) => event.id > id);
  }

  subscribe(listener: (event: AgentEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** One reader's mistake must not undo a deploy. */
  private tell(listener: (event: AgentEvent) => void, event: AgentEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.log.error({ err: error, event: event.kind }, "a subscriber to the agent's events failed");
    }
  }
}
