/** The cluster's events: numbered, stamped, the last 1,000 remembered, handed to subscribers, and appended to a file. */
import type { AppendFile } from "../ports/append-file.js";
import type { Clock } from "../ports/clock.js";
import { OperationalError } from "../ports/errors.js";
import type { Log } from "../ports/log.js";
import type { ClusterEvent, ClusterEventKind } from "./service.js";

/** What `eventsAfter` promises. */
const REMEMBERED = 1_000;
/** What `eventsOf` promises of one VM, and of how many VMs: those that something happened to last. */
const REMEMBERED_OF_VM = 20;
const REMEMBERED_VMS = 50_000;

const WORRYING: ReadonlySet<ClusterEventKind> = new Set([
  "vm-conflict",
  "vm-lost",
  "vm-vanished",
  "host-down",
  "host-suspect",
  "host-replaced",
  "leader-lost",
]);

export class ClusterEvents {
  /** A ring: event `id` is at `id % REMEMBERED`. */
  private readonly ring: ClusterEvent[] = [];
  private readonly listeners = new Set<(event: ClusterEvent) => void>();
  private last = 0;
  /** By VM; the one of the latest event is last. */
  private readonly ofVm = new Map<string, readonly ClusterEvent[]>();

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
    private file: AppendFile | null,
  ) {}

  emit(kind: ClusterEventKind, about: { readonly vm?: string; readonly host?: string }, message: string): void {
    const event: ClusterEvent = {
      id: ++this.last,
      at: this.clock.now(),
      kind,
      vm: about.vm ?? null,
      host: about.host ?? null,
      message,
    };
    this.ring[event.id % REMEMBERED] = event;
    if (event.vm !== null) this.remember(event.vm, event);
    this.log[WORRYING.has(kind) ? "warn" : "info"]({ event: kind, ...about }, message);
    this.write(event);
    for (const listener of this.listeners) this.tell(listener, event);
  }

  after(id: number): readonly ClusterEvent[] {
    const first = Math.max(id + 1, this.last - REMEMBERED + 1, 1);
    const events: ClusterEvent[] = [];
    for (let one = first; one <= this.last; one++) events.push(this.ring[one % REMEMBERED]!);
    return events;
  }

  /** The last of one VM, oldest first. */
  of(vm: string): readonly ClusterEvent[] {
    return this.ofVm.get(vm) ?? [];
  }

  private remember(vm: string, event: ClusterEvent): void {
    const before = this.of(vm);
    this.ofVm.delete(vm);
    this.ofVm.set(vm, [...before.slice(1 - REMEMBERED_OF_VM), event]);
    if (this.ofVm.size <= REMEMBERED_VMS) return;
    const [oldest] = this.ofVm.keys();
    if (oldest !== undefined) this.ofVm.delete(oldest);
  }

  subscribe(listener: (event: ClusterEvent) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** A log that cannot be written costs no VM anything: it is said once, and the scheduler goes on without. */
  private write(event: ClusterEvent): void {
    try {
      this.file?.append(`${JSON.stringify(event)}\n`);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      this.file = null;
      this.log.error({ err: error }, "the log of events cannot be written any more");
    }
  }

  private tell(listener: (event: ClusterEvent) => void, event: ClusterEvent): void {
    try {
      listener(event);
    } catch (error) {
      this.log.error({ err: error, event: event.kind }, "a subscriber to the cluster's events failed");
    }
  }
}
