/**
 * One leadership, from the election to its end: everything that the leader keeps in memory, thrown away with it. The parts
 * that do something take it as their first argument; what they share and must not break is here.
 */
import { type ClusterPlacement, withPrices } from "../core/placement/learning/pricing.js";
import { createPlacer } from "../core/placement/placer.js";
import type { Milliseconds } from "../core/units.js";
import type { AgentClients } from "../ports/agent-client.js";
import type { Clock } from "../ports/clock.js";
import type { ClusterStore, Leadership } from "../ports/cluster-store.js";
import type { Log } from "../ports/log.js";
import { Answers } from "./answers.js";
import { Book } from "./book.js";
import { Estimates } from "./estimates.js";
import type { ClusterEvents } from "./events.js";
import type { HostEntry } from "./host-entry.js";
import { KeyedLocks, Limiter } from "./locks.js";
import { Makings } from "./makings.js";
import { Prices } from "./prices.js";
import {
  EPOCH_RECORDS,
  type EpochRecord,
  HOST_RECORDS,
  type HostRecord,
  type Place,
  VM_RECORDS,
  type VmRecord,
} from "./record-model.js";
import { hostsOf } from "./record-steps.js";
import { Removals } from "./removals.js";
import { Room } from "./room.js";
import { RoomBudget } from "./room-budget.js";
import { type ClusterVm, NotLeader } from "./service.js";
import type { SchedulerSettings } from "./settings.js";

export interface SchedulerPorts {
  readonly store: ClusterStore;
  readonly clients: AgentClients;
  readonly clock: Clock;
  readonly log: Log;
  /** A fresh id for a request to an agent. */
  readonly newId: () => string;
}

/** A VM that a host's report and the records tell differently about. */
export interface Doubt {
  readonly name: string;
  readonly host: string;
}

/** Why a VM of a host that is being emptied is still there. */
export interface MoveNote {
  readonly reason: string;
  /** Hosts to which it could not be moved. */
  readonly tried: ReadonlySet<string>;
  readonly since: Milliseconds;
  /** Nothing more is tried for a while. */
  readonly final: boolean;
}

/** Room that a silent host may still keep for a VM that stays where it is: an agent gives it back by itself after an hour only. */
export interface OwedRoom {
  readonly name: string;
  readonly target: Place;
  /** The request that both agents knew the move by. */
  readonly pending: string;
}

export class Reign {
  readonly startedAt: Milliseconds;
  readonly vms: Book<VmRecord>;
  readonly hosts: Book<HostRecord>;
  readonly epochs: Book<EpochRecord>;
  readonly entries = new Map<string, HostEntry>();
  /** Listed addresses, and which host was found there. */
  readonly listed = new Map<string, string | null>();
  /** Why a listed address that is no host's has none. */
  readonly listedProblems = new Map<string, string>();
  readonly room: Room;
  readonly prices: Prices;
  readonly estimates: Estimates;
  readonly answers: Answers<ClusterVm>;
  readonly removals: Removals;
  /** By VM. */
  readonly locks = new KeyedLocks();
  /** By host. */
  readonly hostLocks = new KeyedLocks();
  /** Apart, so that hosts that do not answer polls hold up no other work. */
  readonly polling: Limiter;
  readonly working: Limiter;
  /** VM by the caller's request id. */
  readonly byRequest = new Map<string, string>();
  /** Hosts whose last reports show a VM of this name. */
  readonly reportedOn = new Map<string, Set<string>>();
  /** Hosts that have a VM of this name, where they are several. */
  readonly conflicts = new Map<string, readonly string[]>();
  readonly doubts = new Map<string, Doubt>();
  /** VMs of hosts whose machine was replaced. */
  readonly bereaved = new Set<string>();
  readonly roomBudget: RoomBudget;
  readonly makings = new Makings();
  readonly owed = new Set<OwedRoom>();
  /** By VM. */
  readonly moves = new Map<string, MoveNote>();
  /** VMs that are moved, by name. */
  readonly movingSince = new Map<string, Milliseconds>();
  /** Hosts that were drained until nothing was left, and it was told. */
  readonly emptied = new Set<string>();
  /** Names of the records that are not settled. */
  readonly unsettled = new Set<string>();

  constructor(
    readonly ports: SchedulerPorts,
    readonly settings: SchedulerSettings,
    /** As the store gave it: the fence of every write. */
    readonly leadership: Leadership,
    /** Aborts when the leadership is over, for whatever reason. */
    readonly lost: AbortSignal,
    readonly events: ClusterEvents,
    placement: ClusterPlacement,
    ended: (why: string) => void,
  ) {
    const { store, clock } = ports;
    this.startedAt = clock.monotonic();
    this.estimates = new Estimates({ mode: settings.estimates, margin: settings.estimateMargin }, clock);
    const { prices = null, ...base } = placement;
    const first = prices?.kind === "given" ? prices.prices.worth : null;
    this.room = new Room(
      createPlacer(prices === null ? base : withPrices(base, first)),
      (host) => this.entries.get(host),
      (host) => this.estimates.forecastOf(host),
    );
    this.prices = new Prices(prices, {
      clock,
      log: ports.log,
      hosts: () => this.room.hosts(),
      reprice: ({ worth }) => this.room.reprice(withPrices(base, worth)),
    });
    this.roomBudget = new RoomBudget(settings);
    this.answers = new Answers(settings.rememberedAnswers);
    this.removals = new Removals(settings.rememberedRemovals);
    this.polling = new Limiter(settings.mostCalls);
    this.working = new Limiter(settings.mostCalls);
    const tenure = { store, clock, leadership, lost, ended };
    this.vms = new Book(VM_RECORDS, tenure, (name, before, after) => this.vmChanged(name, before, after));
    this.hosts = new Book(HOST_RECORDS, tenure, () => undefined);
    this.epochs = new Book(EPOCH_RECORDS, tenure, () => undefined);
    for (const url of settings.listedUrls) this.listed.set(url, null);
  }

  /** Higher than that of every leadership before it, and than what hosts had seen when they were adopted. */
  get epoch(): number {
    return this.leadership.epoch + (this.epochs.get("floor")?.above ?? 0);
  }

  /** This and all later epochs are above `highest`. */
  raiseEpoch(highest: number): Promise<void> {
    return this.epochs.put({ name: "floor", above: highest }, "once");
  }

  get over(): boolean {
    return this.lost.aborted;
  }

  mustLead(): void {
    if (this.over) throw new NotLeader(null);
  }

  now(): Milliseconds {
    return this.ports.clock.monotonic();
  }

  sleep(duration: Milliseconds): Promise<void> {
    return this.ports.clock.sleep(duration, this.lost);
  }

  doubt(doubt: Doubt): void {
    this.doubts.set(doubtKey(doubt), doubt);
  }

  dispel(doubt: Doubt): void {
    this.doubts.delete(doubtKey(doubt));
  }

  private vmChanged(name: string, before: VmRecord | null, after: VmRecord | null): void {
    this.prices.vmChanged(before, after);
    if (before?.requestId && before.requestId !== after?.requestId) this.byRequest.delete(before.requestId);
    if (after?.requestId) this.byRequest.set(after.requestId, name);
    if (after !== null && after.pending !== null) this.unsettled.add(name);
    else this.unsettled.delete(name);
    if (after?.phase !== "migrating") this.movingSince.delete(name);
    else if (!this.movingSince.has(name)) this.movingSince.set(name, this.now());
    const hosts = after === null || after.phase === "lost" ? [] : hostsOf(after);
    for (const host of before === null ? [] : hostsOf(before)) if (!hosts.includes(host)) this.room.release(host, name);
    if (after !== null) for (const host of hosts) this.room.claim(host, after);
    if (after === null || after.phase === "lost") this.moves.delete(name);
  }
}

const doubtKey = ({ name, host }: Doubt): string => `${name} ${host}`;
