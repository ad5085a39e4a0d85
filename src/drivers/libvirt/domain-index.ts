/**
 * What the last statistics said about each domain, for reads of many domains in one go: without it each would cost a look-up
 * first. Forgotten with every lifecycle event of the domain and with the connection; never used to act on a domain.
 */
import type { DomainRef, DomainStatsRecord } from "./wire-types.js";

export interface KnownDomain {
  readonly domain: DomainRef;
  /** vCPUs that it has now; null where the hypervisor's statistics do not say (the test driver's). */
  readonly vcpus: number | null;
}

export class DomainIndex {
  #known = new Map<string, KnownDomain>();

  replace(records: readonly DomainStatsRecord[]): void {
    this.#known = new Map();
    for (const { domain, parameters } of records) {
      const vcpus = parameters.get("vcpu.current");
      const known = typeof vcpus === "number" && vcpus > 0 ? vcpus : null;
      this.#known.set(domain.name, { domain, vcpus: known });
    }
  }

  get(name: string): KnownDomain | undefined {
    return this.#known.get(name);
  }

  forget(name: string): void {
    this.#known.delete(name);
  }

  clear(): void {
    this.#known.clear();
  }
}
