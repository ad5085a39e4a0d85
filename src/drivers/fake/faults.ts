/**
 * What goes wrong on a connection to a fake world, as a plan that a test writes beforehand, and the log of the calls made.
 * A procedure is a method of the Hypervisor port; `"any"` means whichever comes next.
 */
import { OperationalError } from "../../ports/errors.js";
import type { Hypervisor } from "../../ports/hypervisor.js";
import type { MigrationStage } from "./migration.js";

/** The port's methods that go to the hypervisor. */
export type Procedure = Exclude<
  keyof Hypervisor,
  "uri" | "migrationAddress" | "connect" | "close" | "isConnected" | "subscribe"
>;

/** Calls that change a domain; the others look. */
export const CHANGING_PROCEDURES = [
  "define",
  "redefine",
  "start",
  "shutdown",
  "destroy",
  "undefine",
  "pinVcpu",
  "setVcpus",
  "setMemory",
  "setMetadata",
  "setMemoryStatsPeriod",
  "migrate",
  "settleMigration",
] as const satisfies readonly Procedure[];

const isChanging = (procedure: Procedure): boolean => (CHANGING_PROCEDURES as readonly string[]).includes(procedure);

export interface LoggedCall {
  readonly procedure: Procedure;
  /** The domain it was about; null for calls about the host or all domains. */
  readonly domain: string | null;
}

/** Calls remembered one by one; a demonstration may run for days. Counts go on. */
const MOST_REMEMBERED = 10_000;

/** Counts every call when it is made, whether it succeeds or not. */
export class CallLog {
  #calls: LoggedCall[] = [];
  readonly #counts = new Map<Procedure, number>();

  add(call: LoggedCall): void {
    if (this.#calls.length === 2 * MOST_REMEMBERED) this.#calls = this.#calls.slice(MOST_REMEMBERED);
    this.#calls.push(call);
    this.#counts.set(call.procedure, this.count(call.procedure) + 1);
  }

  /** In order, at least the last 10,000. */
  all(): readonly LoggedCall[] {
    return this.#calls;
  }

  count(procedure: Procedure): number {
    return this.#counts.get(procedure) ?? 0;
  }

  /** Calls that change something: none in a steady state. */
  changes(): readonly LoggedCall[] {
    return this.#calls.filter((call) => isChanging(call.procedure));
  }

  clear(): void {
    this.#calls = [];
    this.#counts.clear();
  }
}

/** What happens to one call. */
export interface Fate {
  readonly delayMs: number;
  /** Thrown instead of doing it. */
  readonly refusal: Error | null;
  /** It is done, and the caller gets a timeout. */
  readonly answerLost: boolean;
  /** The caller's process dies: before it is done, or after; nobody ever gets an answer. */
  readonly death: "before" | "after" | null;
}

interface Planned {
  readonly procedure: Procedure | "any";
  readonly fate: Partial<Fate>;
}

export class FaultPlan {
  #planned: Planned[] = [];
  readonly #delaysMs = new Map<Procedure | "any", number>();
  readonly #stages = new Map<MigrationStage, () => void>();
  #death: { changesLeft: number; readonly when: "before" | "after" } | null = null;

  /** The next call of `procedure` is not carried out and throws `error`, by default a retryable `hypervisor-failed`. */
  failNext(procedure: Procedure | "any", error: Error = refused(procedure), times = 1): void {
    for (let i = 0; i < times; i++) this.#planned.push({ procedure, fate: { refusal: error } });
  }

  /** The next call of `procedure` is carried out, and throws `hypervisor-timeout`. */
  loseAnswer(procedure: Procedure | "any"): void {
    this.#planned.push({ procedure, fate: { answerLost: true } });
  }

  /** From now on calls of `procedure` take `delayMs` on the world's clock before they are carried out; 0 ends it. */
  delay(procedure: Procedure | "any", delayMs: number): void {
    this.#delaysMs.set(procedure, delayMs);
  }

  /** The process that holds the connection dies at its `nth` changing call from now (1: the next), before or after it. */
  dieAtChange(nth: number, when: "before" | "after"): void {
    this.#death = { changesLeft: nth, when };
  }

  /** `what` happens when the next migration has come so far: the process that holds it dies, or loses its connection. */
  atMigration(stage: MigrationStage, what: () => void): void {
    this.#stages.set(stage, what);
  }

  /** Takes from the plan what is meant for this step of a migration; undefined: nothing. */
  atStage(stage: MigrationStage): (() => void) | undefined {
    const what = this.#stages.get(stage);
    this.#stages.delete(stage);
    return what;
  }

  /** Forgets everything planned. */
  clear(): void {
    this.#stages.clear();
    this.#planned = [];
    this.#delaysMs.clear();
    this.#death = null;
  }

  /** Takes from the plan what is meant for this call. */
  next(procedure: Procedure): Fate {
    const index = this.#planned.findIndex((each) => each.procedure === procedure || each.procedure === "any");
    const planned = index < 0 ? null : this.#planned.splice(index, 1)[0]!;
    return {
      delayMs: this.#delaysMs.get(procedure) ?? this.#delaysMs.get("any") ?? 0,
      refusal: planned?.fate.refusal ?? null,
      answerLost: planned?.fate.answerLost ?? false,
      death: this.#deathAt(procedure),
    };
  }

  #deathAt(procedure: Procedure): Fate["death"] {
    if (!this.#death || !isChanging(procedure)) return null;
    this.#death.changesLeft--;
    return this.#death.changesLeft === 0 ? this.#death.when : null;
  }
}

const refused = (procedure: string): OperationalError =>
  new OperationalError("hypervisor-failed", `the fake hypervisor was told to refuse ${procedure}`, true);
