/**
 * Prices that a leader learns: from the VMs of its records, those that went lately and those that it refused, worked out apart (the linear
 * program takes long) and placed by from then on. When the mix of VMs, or the commonest host, has become another, they are worked out anew.
 * Nothing of it is kept: the next leader learns from the same records.
 */
import { Demand, isAnotherMix, totalOf, type Wanted } from "../core/placement/learning/demand.js";
import type { PriceList, PriceSource, ShownPrices } from "../core/placement/learning/pricing.js";
import { type HostSummary, isSameShape, type VmShape } from "../core/placement/model.js";
import { worthOfRoom } from "../core/placement/weighers/bid/prices.js";
import type { SizedHost } from "../core/sizing/model.js";
import { type Milliseconds, milliseconds } from "../core/units.js";
import type { Clock } from "../ports/clock.js";
import type { Log } from "../ports/log.js";
import type { VmRecord } from "./record-model.js";
import { leavesTrace } from "./record-steps.js";
import { shapeOf } from "./room.js";

/** Between two looks: prices that are a little late cost nothing that could be measured. */
const LOOK_INTERVAL = milliseconds(5_000);
/** After a failure, which is the solver's. */
const RETRY_INTERVAL = milliseconds(60_000);
/** Hosts of one make differ in their memory by less. */
const OTHER_HOST = 0.05;

interface Current {
  readonly list: PriceList;
  readonly wanted: readonly Wanted[];
  readonly since: Milliseconds;
}

interface Around {
  readonly clock: Clock;
  readonly log: Log;
  /** What placement knows of hosts. */
  readonly hosts: () => Iterable<HostSummary>;
  /** From now on these count. */
  readonly reprice: (list: PriceList) => void;
}

export class Prices {
  private readonly demand = new Demand();
  private current: Current | null;
  private lookAt: Milliseconds = milliseconds(0);

  /** Null: no prices at all. */
  constructor(
    private readonly source: PriceSource | null,
    private readonly around: Around,
  ) {
    const given = source?.kind === "given" ? source.prices : null;
    this.current = given === null ? null : { list: given, wanted: [], since: around.clock.now() };
  }

  /** A record came, changed or went. */
  vmChanged(before: VmRecord | null, after: VmRecord | null): void {
    const was = before !== null && isThere(before);
    const is = after !== null && isThere(after);
    if (was && is && isSameShape(before, after)) return;
    if (was) this.demand.left(shapeOf(before));
    if (before !== null && after === null && leavesTrace(before)) this.demand.fade(shapeOf(before));
    if (is) this.demand.came(after.name, shapeOf(after));
  }

  /** VMs that are gone, oldest first, as the records of a predecessor tell. */
  remember(gone: Iterable<VmRecord>): void {
    for (const record of gone) this.demand.fade(shapeOf(record));
  }

  refused(name: string, shape: VmShape): void {
    this.demand.refused(name, shape);
  }

  /** Looks whether prices are to be worked out, and does it. Callers do not run two at once. */
  async look(): Promise<void> {
    const { clock, log } = this.around;
    if (this.source?.kind !== "learnt" || clock.monotonic() < this.lookAt) return;
    this.lookAt = milliseconds(clock.monotonic() + LOOK_INTERVAL);
    const wanted = this.demand.wanted();
    const host = commonestHost(this.around.hosts());
    if (host === null || !this.isDue(wanted, host)) return;
    const { present } = this.demand;
    const others = Math.round(totalOf(wanted) - present);
    // What goes wrong is told by whoever calls; VMs are placed as before.
    this.lookAt = milliseconds(clock.monotonic() + RETRY_INTERVAL);
    const worth = await this.source.solve(wanted, host);
    this.lookAt = milliseconds(clock.monotonic() + LOOK_INTERVAL);
    if (worth === null) return;
    const list: PriceList = { worth, host, source: "learnt", vms: present, others };
    this.current = { list, wanted, since: clock.now() };
    this.around.reprice(list);
    log.info({ vms: present, others, host }, "VMs are placed by new prices");
  }

  /** Null: there are none. */
  shown({ vcpus, memoryMiB, ratio }: VmShape): ShownPrices | null {
    if (this.current === null) return null;
    const { list, since } = this.current;
    const { worth, ...about } = list;
    const pcpus = vcpus / Math.max(1, ratio ?? 1);
    const price = worthOfRoom(worth, pcpus / list.host.pcpus, memoryMiB / list.host.memoryMiB);
    return { ...about, price, since };
  }

  private isDue(wanted: readonly Wanted[], host: SizedHost): boolean {
    if (isAnotherMix(wanted, this.current?.wanted ?? [])) return true;
    if (this.current === null) return false;
    const { host: priced } = this.current.list;
    const differs = (now: number, then: number): boolean => Math.abs(now - then) > OTHER_HOST * then;
    return differs(host.pcpus, priced.pcpus) || differs(host.memoryMiB, priced.memoryMiB);
  }
}

const isThere = ({ phase }: VmRecord): boolean => phase !== "lost";

/** The number of pCPUs that most hosts have, and what such hosts have in the middle of memory. Null: no host has any. */
export function commonestHost(hosts: Iterable<HostSummary>): SizedHost | null {
  const memories = new Map<number, HostSummary["memoryCapacityMiB"][]>();
  for (const { usablePcpus, memoryCapacityMiB } of hosts) {
    if (usablePcpus <= 0 || memoryCapacityMiB <= 0) continue;
    const others = memories.get(usablePcpus);
    if (others === undefined) memories.set(usablePcpus, [memoryCapacityMiB]);
    else others.push(memoryCapacityMiB);
  }
  // Of as many, the larger ones: they hold more.
  const [first] = [...memories].sort(([a, of], [b, and]) => and.length - of.length || b - a);
  if (first === undefined) return null;
  const [pcpus, middle] = [first[0], first[1].toSorted((a, b) => a - b)];
  return { pcpus, memoryMiB: middle[middle.length >> 1]! };
}
