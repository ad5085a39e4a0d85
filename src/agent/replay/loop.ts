/**
 * The loop of an offline replay (spec 3): at each timestamp deploy who arrives, remove who was last seen before, then observe
 * and drop who has no record. Decides nothing itself and does no I/O: a policy, an index of the trace, one step at a time.
 */
import type { CpuSet } from "../../core/cpuset.js";
import type { HostState } from "../../core/pool/model.js";
import type { DroppedVm, RecordedOutcome, ReplayablePolicy } from "../../core/pool/replayable.js";
import type { Refusal } from "../../core/result.js";
import type { TraceIndex } from "../../trace/trace-index.js";
import type { RecordedVm, RecordedVms } from "./recorded-vms.js";
import { sightings } from "./sighting.js";
import { decidingTicks } from "./ticks.js";

export interface ReplayAction {
  readonly op: "deploy" | "remove";
  readonly vm: RecordedVm;
  readonly refusal: Refusal | null;
  readonly absentFrom: RecordedOutcome["absentFrom"];
}

export interface ReplayStep {
  readonly tick: number;
  /** Seconds. */
  readonly timestamp: number;
  readonly actions: readonly ReplayAction[];
  readonly dropped: readonly DroppedVm[];
  /** After the actions, before observing: what a recorder would write down. */
  readonly acted: HostState;
  readonly host: HostState;
}

export class ReplayLoop {
  #host: HostState;
  readonly #ticks: readonly number[];
  readonly #sightingAt: ReturnType<typeof sightings>;
  #nextIndex = 0;
  /** A tick to look at again, since a walk that dropped a VM has passed over the one after it; -1 for none. */
  #again = -1;
  /** Last pins of vCPUs that left their pool while the VM stayed in others: nothing unpins them. */
  readonly #stray = new Map<string, readonly CpuSet[]>();

  constructor(
    private readonly policy: ReplayablePolicy,
    private readonly index: TraceIndex,
    private readonly vms: RecordedVms,
  ) {
    this.#host = policy.initial();
    this.#ticks = decidingTicks(index);
    this.#sightingAt = sightings(index, vms);
  }

  get host(): HostState {
    return this.#host;
  }

  get stray(): ReadonlyMap<string, readonly CpuSet[]> {
    return this.#stray;
  }

  /** The next tick at which there is something to decide; null at the end. */
  get next(): number | null {
    const listed = this.#ticks[this.#nextIndex] ?? null;
    if (this.#again < 0 || (listed !== null && listed <= this.#again)) return listed;
    return this.#again;
  }

  /** Decides at `tick`, which must be `next`. */
  step(tick: number): ReplayStep {
    if (this.#ticks[this.#nextIndex] === tick) this.#nextIndex += 1;
    if (this.#again <= tick) this.#again = -1;
    const actions: ReplayAction[] = [];
    for (const vm of this.vms.arrivals.get(tick) ?? []) actions.push(this.#act("deploy", vm));
    for (const vm of this.#leaving(tick)) {
      const action = this.#act("remove", vm);
      const neverThere = !this.policy.removesTwiceAtStart && action.absentFrom.length > 0;
      if (!neverThere) actions.push(action);
    }
    const acted = this.#host;
    const dropped = this.#observe(tick);
    return { tick, timestamp: this.index.ticks.timeOf(tick), actions, dropped, acted, host: this.#host };
  }

  #leaving(tick: number): readonly RecordedVm[] {
    if (tick > 0) return this.vms.lastSights.get(tick - 1) ?? [];
    return this.policy.removesTwiceAtStart ? (this.vms.lastSights.get(0) ?? []) : [];
  }

  #act(op: "deploy" | "remove", vm: RecordedVm): ReplayAction {
    const outcome =
      op === "deploy"
        ? this.policy.deployRecorded(this.#host, vm.spec)
        : this.policy.removeRecorded(this.#host, vm.spec);
    this.#host = outcome.host;
    if (op === "remove") this.#stray.delete(vm.spec.name);
    return { op, vm, refusal: outcome.refusal, absentFrom: outcome.absentFrom };
  }

  #observe(tick: number): readonly DroppedVm[] {
    const before = this.#host;
    const { host, dropped } = this.policy.dropUnseen(before, this.#sightingAt(tick));
    if (dropped.length === 0) return dropped;
    this.#host = host;
    if (tick + 1 < this.index.ticks.count) this.#again = tick + 1;
    const pins = this.policy.pins(before);
    for (const { vm, resource } of dropped) {
      if (resource !== "cpu") continue;
      const last = pins.get(vm) ?? [];
      const earlier = this.#stray.get(vm);
      this.#stray.set(
        vm,
        earlier === undefined ? last : last.map((set, i) => (set.length > 0 ? set : (earlier[i] ?? set))),
      );
    }
    return dropped;
  }
}
