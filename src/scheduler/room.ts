/**
 * Which host has room: what hosts last said, and the claims of VMs that they did not show yet. A claim is made in the same
 * turn in which its host is chosen, so two requests at once never get the same room; it is given up when the record goes.
 */
import { afterPlacement } from "../core/placement/after.js";
import { growthPcpus } from "../core/placement/arithmetic.js";
import type { PlacementExplanation } from "../core/placement/explain.js";
import {
  type Constraints,
  type HostForecast,
  type HostSummary,
  isSameShape,
  NO_CONSTRAINTS,
  type VmShape,
} from "../core/placement/model.js";
import type { Placer, PlacerSettings } from "../core/placement/placer.js";
import { mib } from "../core/units.js";
import type { HostStatus } from "../ports/agent-client.js";
import { type HostEntry, livenessOf } from "./host-entry.js";
import type { VmRecord, VmSize } from "./record-model.js";
import type { ClusterDeploy } from "./service.js";

export interface Claim extends VmSize {
  readonly name: string;
  readonly antiAffinity: string | null;
}

/** Of a request, a record or a claim: what it takes of a host, and nothing else. */
export const shapeOf = ({ vcpus, memoryMiB, ratio }: VmShape): VmShape => ({ vcpus, memoryMiB, ratio });

export const constraintsOf = (request: ClusterDeploy): Constraints => ({
  image: request.image,
  labels: request.constraints?.labels ?? {},
  antiAffinityGroup: request.constraints?.antiAffinity ?? null,
});

/** The same of a VM that is there. */
export const constraintsOfRecord = ({ image, constraints, antiAffinity }: VmRecord): Constraints => ({
  image,
  labels: constraints?.labels ?? {},
  antiAffinityGroup: antiAffinity,
});

export class Room {
  /** By host, then by VM: all that the cluster's records say is there or may come to be there. */
  private readonly claims = new Map<string, Map<string, Claim>>();

  constructor(
    readonly placer: Placer,
    private readonly entryOf: (host: string) => HostEntry | undefined,
    /** Null: no estimate that counts. */
    private readonly forecastOf: (host: string) => HostForecast | null,
  ) {}

  /** What placement believes of the host; undefined: it is not heard of. */
  summaryOf(host: string): HostSummary | undefined {
    return this.placer.host(host);
  }

  /** The best host, or null. */
  choose(shape: VmShape, constraints: Constraints, exclude: ReadonlySet<string>): string | null {
    return this.placer.choose(shape, constraints, exclude)?.hostId ?? null;
  }

  /** What the first look for the nearest hosts would fill in is there: nobody waits for it then. */
  prepareForNearest(): void {
    this.placer.nearest({ vcpus: 1, memoryMiB: mib(1), ratio: null }, NO_CONSTRAINTS, new Set(), 1);
  }

  /** Why this host, in the terms of its score: `score 0.93 (balance 0.83, thrift 0.1 x 2)`. */
  why(host: string, shape: VmShape, constraints: Constraints): string {
    const explained = this.placer.explainOne(host, shape, constraints);
    if (explained === null || explained.score === null || explained.scores === null) return "taken as asked for";
    const terms = explained.scores
      .filter(({ weight }) => weight !== 0)
      .map(({ weigher, weight, score }) => `${weigher} ${shortly(score)}${weight === 1 ? "" : ` x ${weight}`}`);
    return `best score, ${shortly(explained.score)} (${terms.join(", ")})`;
  }

  hosts(): Iterable<HostSummary> {
    return this.placer.hosts();
  }

  /** Scores are others from now on. */
  reprice(settings: PlacerSettings): void {
    this.placer.reprice(settings);
  }

  explain(request: ClusterDeploy): PlacementExplanation {
    const { constraints } = request;
    const explanation = this.placer.explain(shapeOf(request), constraintsOf(request));
    return constraints?.hosts === undefined ? explanation : onlyThese(explanation, new Set(constraints.hosts));
  }

  claim(host: string, claim: Claim): void {
    let here = this.claims.get(host);
    if (here === undefined) {
      here = new Map();
      this.claims.set(host, here);
    }
    const before = here.get(claim.name);
    here.set(claim.name, claim);
    if (before === undefined) this.add(host, claim);
    else if (!isSameClaim(before, claim)) this.refresh(host);
  }

  /** No error when there is none. */
  release(host: string, name: string): void {
    const here = this.claims.get(host);
    if (here?.delete(name) !== true) return;
    if (here.size === 0) this.claims.delete(host);
    this.refresh(host);
  }

  claimsOn(host: string): ReadonlyMap<string, Claim> {
    return this.claims.get(host) ?? NO_CLAIMS;
  }

  /** What `refresh` would come to, when nothing but the claim is new: requests come by the thousand. */
  private add(host: string, claim: Claim): void {
    const entry = this.entryOf(host);
    const summary = this.placer.host(host);
    if (entry === undefined || entry.status === null || summary === undefined) return;
    const antiAffinityGroups =
      claim.antiAffinity === null ? summary.antiAffinityGroups : [...summary.antiAffinityGroups, claim.antiAffinity];
    const counted = isShown(entry, entry.status, claim.name) ? summary : withClaim(summary, claim);
    this.placer.upsertHost({ ...counted, antiAffinityGroups });
  }

  /** After anything about the host has changed. */
  refresh(host: string): void {
    const entry = this.entryOf(host);
    if (entry === undefined || entry.status === null) this.placer.removeHost(host);
    else this.placer.upsertHost(hostSummary(entry, entry.status, this.claimsOn(host), this.forecastOf(host)));
  }
}

/** The hosts that the request names are one more filter, the scheduler's own. */
function onlyThese(explanation: PlacementExplanation, named: ReadonlySet<string>): PlacementExplanation {
  const veto = "the request names other hosts";
  const hosts = explanation.hosts.map((host) => {
    const passes = named.has(host.hostId);
    const verdicts = [...host.verdicts, { filter: "named-hosts", veto: passes ? null : veto, advisory: false }];
    return { ...host, verdicts, score: passes ? host.score : null, room: passes ? host.room : 0 };
  });
  const fits = (host: (typeof hosts)[number]): boolean => host.score !== null;
  const best = hosts.find(fits);
  const others = hosts.length - hosts.filter(({ hostId }) => named.has(hostId)).length;
  return {
    ...explanation,
    chosen: best?.hostId ?? null,
    hosts: [...hosts.filter(fits), ...hosts.filter((host) => !fits(host))],
    vetoes: others === 0 ? explanation.vetoes : { ...explanation.vetoes, "named-hosts": others },
  };
}

const shortly = (score: number): string => String(Math.round(score * 1000) / 1000);

const NO_CLAIMS: ReadonlyMap<string, Claim> = new Map();

/** The host as placement is to see it. Pure. */
export function hostSummary(
  entry: HostEntry,
  status: HostStatus,
  claims: ReadonlyMap<string, Claim>,
  forecast: HostForecast | null,
): HostSummary {
  const groups: string[] = [];
  let summary: HostSummary = {
    ...status.counts,
    id: entry.id,
    state: livenessOf(entry.state),
    cordoned: entry.record.cordoned || status.cordoned || !status.ready,
    ratiosOffered: status.ratiosOffered,
    labels: status.labels,
    images: status.images,
    antiAffinityGroups: groups,
    forecast,
    generation: status.generation,
  };
  for (const claim of claims.values()) {
    if (claim.antiAffinity !== null) groups.push(claim.antiAffinity);
    if (!isShown(entry, status, claim.name)) summary = withClaim(summary, claim);
  }
  return summary;
}

const inPools = new WeakMap<HostStatus, ReadonlySet<string>>();

/** VMs that the host's pools counted when it said so. */
export function vmsInPools(status: HostStatus): ReadonlySet<string> {
  let shown = inPools.get(status);
  if (shown === undefined) {
    shown = new Set(status.pools.flatMap((pool) => pool.vms));
    inPools.set(status, shown);
  }
  return shown;
}

/** Counted by the host already. What is there but in no pool (stopped, unplaced) has no room, and needs none. */
function isShown(entry: HostEntry, status: HostStatus, name: string): boolean {
  return vmsInPools(status).has(name) || entry.vms.has(name);
}

const isSameClaim = (a: Claim, b: Claim): boolean => isSameShape(a, b) && a.antiAffinity === b.antiAffinity;

/** A claim that the host's pools cannot count any more (its policy changed meanwhile) closes the host until it is settled. */
function withClaim(summary: HostSummary, claim: Claim): HostSummary {
  const shape = shapeOf(claim);
  if (growthPcpus(summary, shape) === Number.POSITIVE_INFINITY) return { ...summary, cordoned: true };
  return afterPlacement(summary, shape);
}
