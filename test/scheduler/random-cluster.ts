/** A cluster to which anything happens, and the account of what its callers were told. */
import assert from "node:assert/strict";
import { mib, milliseconds, ratio } from "../../src/core/units.js";
import type { MigrationStage } from "../../src/drivers/fake/migration.js";
import { OperationalError } from "../../src/ports/errors.js";
import { type ClusterResult, type ClusterVm, NotLeader } from "../../src/scheduler/service.js";
import type { Fate } from "../../src/simulator/link.js";
import type { StoreFault } from "../../src/simulator/memory-store.js";
import fc from "../support/property.js";
import { Cluster, type ClusterOptions, type Running } from "./cluster.js";
import { checkHistory, type Operation, type State } from "./history.js";

const VMS = ["a", "b", "c", "d"];

type Trouble = { readonly fate: "kill" | "freeze"; readonly nth: number; readonly when: "before" | "after" } | null;

export type Step =
  | {
      readonly kind: "request";
      readonly request: "deploy" | "remove" | "resize";
      readonly vm: number;
      readonly vcpus: number;
      readonly oversubscribed: number;
      readonly fates: readonly Fate[];
      readonly stores: readonly StoreFault[];
      /** Of the scheduler that is asked. */
      readonly trouble: Trouble;
      /** Until the next step. */
      readonly waitMs: number;
    }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "agent"; readonly host: number; readonly what: "kill" | "start" | "cut" | "join" }
  | { readonly kind: "cordon"; readonly host: number; readonly on: boolean }
  /** Moves its VMs away; the faults meet the messages of the moves. */
  | { readonly kind: "drain"; readonly host: number; readonly fates: readonly Fate[]; readonly trouble: Trouble }
  /** The next move from the host that comes so far loses its agent, or the agent's connections. */
  | {
      readonly kind: "break";
      readonly host: number;
      readonly stage: MigrationStage;
      readonly what: "death" | "disconnect";
    }
  | { readonly kind: "thaw" };

const delayMs = fc.integer({ min: 100, max: 40_000 });
const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Fate>({ kind: "fine" }) },
  fc.constantFrom<Fate>({ kind: "lost-request" }, { kind: "lost-answer" }, { kind: "refused-connection" }),
  delayMs.map((ms): Fate => ({ kind: "late", delayMs: ms })),
  delayMs.map((ms): Fate => ({ kind: "twice", delayMs: ms })),
  fc.integer({ min: 100, max: 1_900 }).map((ms): Fate => ({ kind: "slow", delayMs: ms })),
);
const trouble: fc.Arbitrary<Trouble> = fc.option(
  fc.record({
    fate: fc.constantFrom("kill", "freeze"),
    nth: fc.integer({ min: 1, max: 6 }),
    when: fc.constantFrom("before", "after"),
  }),
  { freq: 3 },
);
const storeFault = fc.constantFrom<StoreFault>("unreachable", "lost-not-done", "lost-done", "lost-late");
const host = fc.integer({ min: 1, max: 3 });

export const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("request" as const),
      request: fc.constantFrom("deploy", "deploy", "remove", "resize"),
      vm: fc.nat({ max: VMS.length - 1 }),
      vcpus: fc.integer({ min: 1, max: 6 }),
      oversubscribed: fc.constantFrom(1, 2, 3),
      fates: fc.array(fate, { maxLength: 3 }),
      stores: fc.array(storeFault, { maxLength: 1 }),
      trouble,
      waitMs: fc.constantFrom(0, 1, 500, 5_000),
    }),
  },
  fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 1_000, max: 40_000 }) }),
  fc.record({ kind: fc.constant("agent" as const), host, what: fc.constantFrom("kill", "start", "cut", "join") }),
  fc.record({ kind: fc.constant("cordon" as const), host, on: fc.boolean() }),
  fc.record({ kind: fc.constant("drain" as const), host, fates: fc.array(fate, { maxLength: 4 }), trouble }),
  fc.record({
    kind: fc.constant("break" as const),
    host,
    stage: fc.constantFrom<MigrationStage>("copied", "paused", "arrived"),
    what: fc.constantFrom("death" as const, "disconnect" as const),
  }),
  fc.constant<Step>({ kind: "thaw" }),
);

/** The same with hosts that are emptied all the time. */
export const movingStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: step },
  { weight: 3, arbitrary: step.filter((one) => one.kind === "request" && one.request === "deploy") },
  { weight: 3, arbitrary: step.filter((one) => one.kind === "drain") },
  { weight: 2, arbitrary: step.filter((one) => one.kind === "break") },
  fc.record({ kind: fc.constant("cordon" as const), host, on: fc.constant(false) }),
  fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 500, max: 5_000 }) }),
);

/** A caller asks again under the same id so often, before it gives up. */
const ATTEMPTS = 3;

export class RandomCluster {
  readonly cluster: Cluster;
  private readonly operations: Operation[] = [];
  private moment = 0;
  private requests = 0;
  private stopped = false;

  constructor(options: ClusterOptions = {}) {
    this.cluster = new Cluster({ ...options, settings: { settlePatience: milliseconds(6_000), ...options.settings } });
  }

  async start(): Promise<this> {
    await this.cluster.start(2);
    return this;
  }

  async take(one: Step): Promise<void> {
    const { cluster } = this;
    if (one.kind === "wait") await cluster.advance(one.ms);
    else if (one.kind === "thaw") await this.thaw();
    else if (one.kind === "cordon") this.cordon(one.host, one.on);
    else if (one.kind === "drain") this.drain(one);
    else if (one.kind === "break") this.break(one);
    else if (one.kind === "agent") await this.agent(one.host, one.what);
    else {
      for (const machine of cluster.machines) machine.fates.push(...one.fates);
      cluster.core.faults.push(...one.stores);
      void this.ask(one, `r${++this.requests}`);
      await cluster.clock.advance(one.waitMs);
    }
    cluster.checkNow();
  }

  /** Everything is mended; then what callers were told must be so. Gives what is wrong. */
  async finish(): Promise<string[]> {
    const { cluster } = this;
    this.stopped = true;
    cluster.core.faults.length = 0;
    for (const machine of cluster.machines) {
      machine.fates.length = 0;
      machine.reachable = true;
      machine.hypervisor.faults.clear();
      machine.hypervisor.reconnect();
      await machine.start();
    }
    for (const { process } of cluster.schedulers) process.spare();
    await this.thaw();
    await cluster.advance(120_000);
    cluster.checkSettled();
    return checkHistory(this.operations, this.states());
  }

  // Inside

  private states(): Map<string, State> {
    const states = new Map<string, State>();
    for (const { key, value } of this.cluster.core.snapshot("vms/").records) {
      const { requestId, vcpus } = JSON.parse(value) as { requestId: string | null; vcpus: number };
      states.set(key.slice("vms/".length), { requestId, vcpus });
    }
    return states;
  }

  private async ask(one: Step & { kind: "request" }, requestId: string): Promise<void> {
    for (let attempt = 1; attempt <= ATTEMPTS && !this.stopped; attempt++) {
      const leader = this.cluster.leader();
      if (leader !== null && (await this.askOnce(leader, one, requestId, attempt === 1 ? one.trouble : null))) return;
      await this.cluster.clock.sleep(milliseconds(1_500));
    }
  }

  /** True: it was answered. */
  private async askOnce(
    asked: Running,
    one: Step & { kind: "request" },
    requestId: string,
    trouble: Trouble,
  ): Promise<boolean> {
    const operation: Operation = {
      vm: VMS[one.vm]!,
      kind: one.request,
      requestId,
      vcpus: one.vcpus,
      asked: ++this.moment,
      answered: null,
      outcome: "unknown",
    };
    this.operations.push(operation);
    if (trouble !== null) asked.process.at(trouble.nth, trouble.fate, trouble.when, (fate) => this.met(asked, fate));
    try {
      const result = await this.send(asked, one, operation);
      operation.outcome = result.ok ? "ok" : result.refusal.code === "unknown-vm" ? "unknown-vm" : "refused";
      operation.answered = ++this.moment;
      return true;
    } catch (error) {
      if (!(error instanceof OperationalError) && !(error instanceof NotLeader)) this.cluster.failures.push(error);
      return false;
    }
  }

  private send(
    { scheduler }: Running,
    { vcpus, oversubscribed }: Step & { kind: "request" },
    { vm: name, kind, requestId }: Operation,
  ): Promise<ClusterResult<ClusterVm>> {
    if (kind === "remove") return scheduler.remove(name);
    if (kind === "resize") return scheduler.resize({ name, vcpus, restart: true });
    const size = { vcpus, memoryMiB: mib(1024), ratio: ratio(oversubscribed) };
    return scheduler.deploy({ name, ...size, image: null, requestId });
  }

  private met(running: Running, fate: "kill" | "freeze"): void {
    if (fate === "kill") {
      this.cluster.kill(running);
      this.cluster.startScheduler();
    } else this.cluster.freeze(running);
  }

  private async thaw(): Promise<void> {
    await this.cluster.thaw();
  }

  private cordon(host: number, on: boolean): void {
    const scheduler = this.cluster.leader()?.scheduler;
    const work = on ? scheduler?.cordon(`h${host}`) : scheduler?.uncordon(`h${host}`);
    work?.catch((error: unknown) => assert.ok(error instanceof NotLeader || error instanceof OperationalError));
  }

  private drain({ host, fates, trouble }: Step & { kind: "drain" }): void {
    const { cluster } = this;
    const leader = cluster.leader();
    if (leader === null) return;
    for (const machine of cluster.machines) machine.fates.push(...fates);
    if (trouble !== null) leader.process.at(trouble.nth, trouble.fate, trouble.when, (how) => this.met(leader, how));
    leader.scheduler
      .drain(`h${host}`)
      .catch((error: unknown) => assert.ok(error instanceof NotLeader || error instanceof OperationalError));
  }

  private break({ host, stage, what }: Step & { kind: "break" }): void {
    const machine = this.cluster.machine(host);
    const { hypervisor } = machine;
    hypervisor.faults.atMigration(stage, () => {
      if (what === "death") machine.kill();
      else {
        hypervisor.disconnect();
        void this.cluster.clock.sleep(milliseconds(3_000)).then(() => hypervisor.reconnect());
      }
    });
  }

  private async agent(host: number, what: "kill" | "start" | "cut" | "join"): Promise<void> {
    const machine = this.cluster.machine(host);
    if (what === "kill") machine.kill();
    else if (what === "start") await machine.start();
    else machine.reachable = what === "join";
  }
}
