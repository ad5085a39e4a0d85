/**
 * Those who ask for VMs and give them back, as the workload says. Who gets no answer asks again under the same request id; a refusal
 * is final. Keeps account of what each was told, which is what promises.ts holds the cluster to.
 */
import { ratioBelow } from "../core/pool/exact-ratio.js";
import { mib, milliseconds, type Ratio, ratio as ratioOf } from "../core/units.js";
import { OperationalError } from "../ports/errors.js";
import { Limiter } from "../scheduler/locks.js";
import type { Scheduler } from "../scheduler/scheduler.js";
import { type ClusterResult, type ClusterVm, NotLeader } from "../scheduler/service.js";
import type { SimulatedCluster } from "./cluster.js";
import type { SimulatedVm } from "./options.js";

/**
 * asked: nothing was told. runs: it was told to run. refused: it was told that there is none. leaving: its removal was asked for. gone:
 * its removal was confirmed. given-up: nobody answered for so long that its tenant wants it no more, and has it removed.
 */
export type Standing = "asked" | "runs" | "refused" | "leaving" | "gone" | "given-up";

export interface Tenant {
  readonly name: string;
  readonly vm: SimulatedVm;
  standing: Standing;
}

export interface Told {
  readonly kind: "placed" | "refused" | "removed" | "given-up";
  readonly tenant: Tenant;
  readonly host: string | null;
  readonly reason: string | null;
}

/** So many ask at once; the others wait in order. */
const CALLERS = 64;
/** A scheduler that does not answer for so long has died; between two attempts; and how often a tenant tries. */
const [PATIENCE, PAUSE, ATTEMPTS] = [milliseconds(90_000), milliseconds(5_000), 60];

export class Tenants {
  readonly all = new Map<string, Tenant>();
  readonly counts = { placed: 0, refused: 0, removed: 0, givenUp: 0 };
  private readonly callers = new Limiter(CALLERS);
  /** No attempt is begun any more. */
  private closed = false;

  constructor(
    private readonly cluster: SimulatedCluster,
    private readonly told: (told: Told) => void,
    private readonly ratioFactor = 1,
  ) {}

  arrive(name: string, vm: SimulatedVm): void {
    const tenant: Tenant = { name, vm, standing: "asked" };
    this.all.set(name, tenant);
    this.run(() => this.deploy(tenant));
  }

  /** No error for one that was refused. */
  leave(name: string): void {
    const tenant = this.all.get(name);
    if (tenant === undefined || tenant.standing === "refused") return;
    if (tenant.standing === "asked") tenant.standing = "given-up";
    else if (tenant.standing === "runs") this.run(() => this.remove(tenant));
  }

  close(): void {
    this.closed = true;
  }

  private run(job: () => Promise<void>): void {
    this.callers.run(job).catch((error: unknown) => this.cluster.failures.push(error));
  }

  private async deploy(tenant: Tenant): Promise<void> {
    const { name, vm } = tenant;
    const { vcpus } = vm;
    const ratio = poolRatio(vm.ratio, this.ratioFactor);
    const request = {
      name,
      vcpus,
      memoryMiB: mib(Math.ceil(vm.memoryMiB)),
      ratio,
      image: null,
      requestId: `ask-${name}`,
    };
    const answer = await this.ask((scheduler) => scheduler.deploy(request), ATTEMPTS);
    if (answer === null) {
      if (this.closed) return;
      tenant.standing = "given-up";
      this.counts.givenUp++;
      this.told({ kind: "given-up", tenant, host: null, reason: "no answer" });
    } else if (!answer.ok) {
      tenant.standing = "refused";
      this.counts.refused++;
      this.told({ kind: "refused", tenant, host: null, reason: answer.refusal.code });
    } else {
      // It may have left meanwhile.
      const stays = tenant.standing === "asked";
      if (stays) tenant.standing = "runs";
      this.counts.placed++;
      this.told({ kind: "placed", tenant, host: answer.value.host, reason: null });
      if (stays) return;
    }
    if (tenant.standing === "given-up") await this.remove(tenant);
  }

  /** Until it is so: who pays for a VM does not give up. */
  private async remove(tenant: Tenant): Promise<void> {
    tenant.standing = "leaving";
    const gone = (answer: ClusterResult<ClusterVm>): boolean => answer.ok || answer.refusal.code === "unknown-vm";
    const answer = await this.ask((scheduler) => scheduler.remove(tenant.name), Number.POSITIVE_INFINITY, gone);
    if (answer === null) return;
    tenant.standing = "gone";
    this.counts.removed++;
    this.told({ kind: "removed", tenant, host: null, reason: null });
  }

  /** The first answer that is one; null: none came. */
  private async ask<T>(
    what: (scheduler: Scheduler) => Promise<ClusterResult<T>>,
    attempts: number,
    isFinal: (answer: ClusterResult<T>) => boolean = () => true,
  ): Promise<ClusterResult<T> | null> {
    for (let attempt = 1; attempt <= attempts && !this.closed; attempt++) {
      const leader = this.cluster.leader();
      const answer = leader === null ? null : await this.patiently(what(leader));
      if (answer !== null && isFinal(answer)) return answer;
      if (attempt < attempts) await this.cluster.clock.sleep(PAUSE);
    }
    return null;
  }

  /** Null: it cannot be decided now, or nothing came. */
  private async patiently<T>(answer: Promise<ClusterResult<T>>): Promise<ClusterResult<T> | null> {
    const heard = new AbortController();
    const silence = this.cluster.clock.sleep(PATIENCE, heard.signal).then(() => null);
    try {
      return await Promise.race([answer, silence]);
    } catch (error) {
      if (error instanceof NotLeader || error instanceof OperationalError) return null;
      throw error;
    } finally {
      heard.abort();
    }
  }
}

/** Of the pool into which a VM is put, where ratios are raised. */
export const poolRatio = (sold: Ratio, factor: number): Ratio =>
  sold === 1 ? sold : ratioOf(ratioBelow(sold * factor));
