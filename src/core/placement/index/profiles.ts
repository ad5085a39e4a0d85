/**
 * Profiles: what never changes while a host runs, held once for all hosts that have it, so that a request asks its filters
 * of profiles once for thousands of hosts, and a class is named by a short text.
 */
import type { HostProfile, HostSummary } from "../model.js";

export interface Profile {
  readonly key: string;
  /** Never given out twice. */
  readonly id: number;
  readonly facts: HostProfile;
  /** Classes with this profile; 0: forgotten. */
  users: number;
}

function keyOf(host: HostProfile): string {
  const labels = Object.entries(host.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  const images = host.images === null ? null : [...host.images].sort();
  const { policy, template, criticalSize, ratiosOffered, totalPcpus, usablePcpus, memoryCapacityMiB } = host;
  const numbers = [criticalSize, totalPcpus, usablePcpus, memoryCapacityMiB];
  return JSON.stringify([policy, template, ratiosOffered, numbers, labels, images]);
}

/** True when both are seen to be equal at a glance: summaries that were made from one another share their parts. */
export function sameProfile(a: HostProfile, b: HostProfile): boolean {
  return (
    a.labels === b.labels &&
    a.images === b.images &&
    a.template === b.template &&
    a.ratiosOffered === b.ratiosOffered &&
    a.policy === b.policy &&
    a.criticalSize === b.criticalSize &&
    a.totalPcpus === b.totalPcpus &&
    a.usablePcpus === b.usablePcpus &&
    a.memoryCapacityMiB === b.memoryCapacityMiB
  );
}

export class Profiles {
  readonly #byKey = new Map<string, Profile>();
  #lastId = 0;

  of(host: HostSummary): Profile {
    const key = keyOf(host);
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    this.#lastId += 1;
    const profile: Profile = { key, id: this.#lastId, facts: host, users: 0 };
    this.#byKey.set(key, profile);
    return profile;
  }

  gainUser(profile: Profile): void {
    profile.users += 1;
  }

  loseUser(profile: Profile): void {
    profile.users -= 1;
    if (profile.users === 0) this.#byKey.delete(profile.key);
  }
}
