/**
 * OpenStack Placement as a sink: the allocation ratios of VCPU and MEMORY_MB of each host's resource provider follow its estimates.
 * What is allocated is read first; both classes are replaced at once, as of the generation that was read, so that nothing can have
 * been allocated in between (a stale generation begins anew). In a dry run everything is done but the last call.
 */
import type { Agent } from "undici";
import { nextAllocationRatio, type RatioBounds } from "../../../core/estimator/online/allocation-ratio.js";
import { type PerResource, RESOURCES, type Resource } from "../../../core/estimator/resource.js";
import type { Clock } from "../../../ports/clock.js";
import { OperationalError } from "../../../ports/errors.js";
import type { EstimateSink, HostEstimate } from "../../../ports/estimates.js";
import type { Log } from "../../../ports/log.js";
import type { PlacementApi, Provider, StoredInventory } from "./placement.js";

export interface PlacementSinkSettings {
  readonly api: PlacementApi;
  readonly dispatcher: Agent;
  readonly dryRun: boolean;
  /** Null: the resource is left alone. */
  readonly bounds: PerResource<RatioBounds | null>;
  /** Providers of hosts whose names differ; others have their host's name. */
  readonly providers: ReadonlyMap<string, string>;
  readonly clock: Clock;
  readonly log: Log;
}

const CLASSES: Readonly<Record<Resource, string>> = { cpu: "VCPU", memory: "MEMORY_MB" };
/** A provider that changes faster than it is read and written is in flux: the next estimate tries again. */
const MOST_ATTEMPTS = 10;
/** Providers asked about at once. */
const AT_ONCE = 8;

interface Change {
  readonly resource: Resource;
  readonly from: number;
  readonly to: number;
  readonly used: number;
}

/** A host that is known by its address goes by the name in it. */
export function providerName(host: string, providers: ReadonlyMap<string, string>): string {
  const named = providers.get(host);
  if (named !== undefined) return named;
  return /^https?:\/\//.test(host) && URL.canParse(host) ? new URL(host).hostname : host;
}

function changesOf(
  estimate: HostEstimate,
  { inventories, used }: Provider,
  bounds: PlacementSinkSettings["bounds"],
  isStale: boolean,
): readonly Change[] {
  return RESOURCES.flatMap((resource) => {
    const inventory = inventories.byClass[CLASSES[resource]];
    const within = bounds[resource];
    if (inventory === undefined || within === null) return [];
    const { total, reserved, allocation_ratio: from } = inventory;
    const { need, booked } = estimate[resource];
    const allocated = used[CLASSES[resource]] ?? 0;
    const demand = { need: isStale || need === null ? booked : need, booked, used: allocated };
    const to = nextAllocationRatio({ total, reserved, allocationRatio: from }, demand, within);
    return to === from ? [] : [{ resource, from, to, used: allocated }];
  });
}

function changed({ inventories }: Provider, changes: readonly Change[]): Provider["inventories"] {
  const byClass: Record<string, StoredInventory> = { ...inventories.byClass };
  for (const { resource, to } of changes) {
    const name = CLASSES[resource];
    byClass[name] = { ...byClass[name]!, allocation_ratio: to };
  }
  return { generation: inventories.generation, byClass };
}

class PlacementSink implements EstimateSink {
  readonly name = "openstack";
  readonly #unknown = new Set<string>();
  /** By host: the estimate that was followed last. One is followed once, or its step would be taken again. */
  readonly #followed = new Map<string, number>();

  constructor(private readonly settings: PlacementSinkSettings) {}

  async deliver(estimates: readonly HostEstimate[], signal: AbortSignal): Promise<void> {
    const waiting = [...estimates];
    const failures: OperationalError[] = [];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined && !signal.aborted; next = waiting.shift()) {
        try {
          await this.#follow(next, signal);
        } catch (error) {
          if (!(error instanceof OperationalError)) throw error;
          this.settings.log.warn({ err: error, host: next.host }, "a host's allocation ratios could not be moved");
          failures.push(error);
        }
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    const worst = failures.find(({ retryable }) => retryable) ?? failures[0];
    if (worst !== undefined) throw worst;
  }

  async close(): Promise<void> {
    await this.settings.dispatcher.close();
  }

  async #follow(estimate: HostEstimate, signal: AbortSignal): Promise<void> {
    const { api, providers, log } = this.settings;
    if (this.#followed.get(estimate.host) === estimate.at) return;
    const name = providerName(estimate.host, providers);
    const uuid = await api.find(name, signal);
    if (uuid === null) {
      if (!this.#unknown.has(name)) log.warn({ host: estimate.host, provider: name }, "OpenStack has no such provider");
      this.#unknown.add(name);
      return;
    }
    this.#unknown.delete(name);
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt++) {
      if (!(await this.#attempt(estimate, uuid, signal))) continue;
      this.#followed.set(estimate.host, estimate.at);
      return;
    }
    throw new OperationalError("sink-unreachable", `OpenStack's provider ${name} changes all the time`, true);
  }

  /** False: somebody else was quicker. */
  async #attempt(estimate: HostEstimate, uuid: string, signal: AbortSignal): Promise<boolean> {
    const { api, bounds, dryRun, clock, log } = this.settings;
    const provider = await api.provider(uuid, signal);
    const changes = changesOf(estimate, provider, bounds, clock.now() >= estimate.validUntil);
    if (changes.length === 0) return true;
    if (!dryRun && !(await api.replace(uuid, changed(provider, changes), signal))) return false;
    for (const change of changes)
      log.info(
        { host: estimate.host, ...change },
        dryRun ? "dry run: the allocation ratio would be moved" : "the allocation ratio was moved",
      );
    return true;
  }
}

export const placementSink = (settings: PlacementSinkSettings): EstimateSink => new PlacementSink(settings);
