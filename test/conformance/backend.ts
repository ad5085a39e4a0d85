/** What a hypervisor brings to the conformance suite, and how the suite makes and clears domains on it. */
import assert from "node:assert/strict";
import type { CpuSet } from "../../src/core/cpuset.js";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { mib } from "../../src/core/units.js";
import { type FailureCode, OperationalError } from "../../src/ports/errors.js";
import type { DomainSpec, DomainStats, Hypervisor, VmMetadata } from "../../src/ports/hypervisor.js";

/** What the backend can do; where it cannot, the suite checks that it says so (null, empty) and makes nothing up. */
export interface Capabilities {
  /** CPU time per domain and vCPU. Without: `cpuTimeNs` 0, and no vCPU with time. */
  readonly cpuStatistics: boolean;
  /** Run delay per vCPU. Without: `delayNs` null. */
  readonly runDelay: boolean;
  /** Memory of running domains. Without: `memory` null. */
  readonly memoryStatistics: boolean;
  /** Guests with a balloon driver that obeys and reports. Without: sizes stay, reports are null. */
  readonly guestBalloon: boolean;
  /** vCPUs can be added to a running guest. Without: `unsupported-by-hypervisor` or `hypervisor-failed`, nothing changed. */
  readonly liveVcpus: boolean;
  /** Running guests can be handed to another hypervisor. Without: no address, and `unsupported-by-hypervisor`. */
  readonly migration: boolean;
}

export interface Backend {
  /** Connected, or not yet: the suite connects it. */
  readonly hypervisor: Hypervisor;
  /** One more connection to the same hypervisor, not yet open. */
  another(): Hypervisor;
  /** Another hypervisor, to which guests can be moved; connected by the suite. Only where migration is possible. */
  neighbour?(): Promise<Hypervisor>;
  /** Waits for what takes time on the hypervisor's own clock. */
  wait?<T>(work: Promise<T>): Promise<T>;
  /** Lets that much time pass for the guests. */
  pass(milliseconds: number): Promise<void>;
  /** Ends what the factory began. The suite has closed its connections and removed its domains. */
  cleanup(): Promise<void>;
  readonly capabilities: Capabilities;
}

/** Small enough for eight at once on any machine; QEMU's firmware starts with it. */
export const MEMORY_MIB = mib(128);

export const METADATA: VmMetadata = {
  vcpuRatios: [2, 2],
  perVcpu: false,
  requestId: "4b4f6c3e-conformance",
  image: null,
  overlay: null,
};

/** The suite's own domains: named apart from anybody else's on the hypervisor, and gone at the end. */
export class Domains {
  readonly #hypervisor: Hypervisor;
  readonly #prefix: string;
  readonly #made: string[] = [];

  constructor(hypervisor: Hypervisor, prefix: string) {
    this.#hypervisor = hypervisor;
    this.#prefix = prefix;
  }

  /** A definition of two vCPUs, pinned to all pCPUs, with a name and uuid of its own. */
  async spec(label: string, change: Partial<DomainSpec> = {}): Promise<DomainSpec> {
    const { pcpus } = await this.#hypervisor.host();
    const name = change.name ?? `${this.#prefix}${label}`;
    this.#made.push(name);
    const vcpus = change.vcpus ?? 2;
    return {
      name,
      uuid: uuidOf(name),
      vcpus,
      memoryMiB: MEMORY_MIB,
      maximumVcpus: vcpus,
      maximumMemoryMiB: MEMORY_MIB,
      disk: null,
      pins: Array.from({ length: vcpus }, () => pcpus),
      metadata: METADATA,
      ...change,
    };
  }

  async defined(label: string, change: Partial<DomainSpec> = {}): Promise<DomainSpec> {
    const spec = await this.spec(label, change);
    await this.#hypervisor.define(spec);
    return spec;
  }

  async started(label: string, change: Partial<DomainSpec> = {}): Promise<DomainSpec> {
    const spec = await this.defined(label, change);
    await this.#hypervisor.start(spec.name);
    return spec;
  }

  async stats(name: string): Promise<DomainStats> {
    const found = (await this.#hypervisor.stats()).filter((domain) => domain.name === name);
    assert.equal(found.length, 1, `${name} is in the statistics ${found.length} times`);
    return found[0]!;
  }

  async removeAll(): Promise<void> {
    await this.removeFrom(this.#hypervisor);
    this.#made.length = 0;
  }

  /** What has come to be on another hypervisor. */
  async removeFrom(hypervisor: Hypervisor): Promise<void> {
    for (const name of this.#made) {
      if ((await hypervisor.detail(name)) === null) continue;
      await hypervisor.destroy(name);
      if ((await hypervisor.detail(name)) !== null) await hypervisor.undefine(name);
    }
  }
}

/** A uuid (version 4 in form) that depends on the name alone. */
function uuidOf(name: string): string {
  let h = 0xcbf29ce484222325n;
  for (const char of name) h = BigInt.asUintN(64, (h ^ BigInt(char.codePointAt(0)!)) * 0x100000001b3n);
  const hex = (h.toString(16).padStart(16, "0") + BigInt.asUintN(64, h * 0x9e3779b97f4a7c15n).toString(16)).padEnd(
    32,
    "0",
  );
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** That `doing` fails as an `OperationalError` with one of `codes`. */
export async function fails(doing: Promise<unknown>, ...codes: readonly FailureCode[]): Promise<void> {
  const outcome = await doing.then(
    () => "no failure",
    (error: unknown) => error,
  );
  assert.ok(outcome instanceof OperationalError, `expected ${codes.join(" or ")}, got: ${outcome}`);
  assert.ok(codes.includes(outcome.code), `expected ${codes.join(" or ")}, got ${outcome.code}: ${outcome.message}`);
  assert.notEqual(outcome.message, "");
}

/** A guest boots in two seconds where it has a pCPU to itself; on a busy machine it may take this long. */
const BOOT_DEADLINE_MS = 60_000;
const LOOK_EVERY_MS = 500;

/** Lets time pass until `read` gives something that `holds`, or long enough for any guest; gives what was read last. */
export async function eventually<T>(
  backend: Backend,
  read: () => Promise<T>,
  holds: (value: T) => boolean,
): Promise<T> {
  let value = await read();
  for (let passedMs = 0; !holds(value) && passedMs < BOOT_DEADLINE_MS; passedMs += LOOK_EVERY_MS) {
    await backend.pass(LOOK_EVERY_MS);
    value = await read();
  }
  return value;
}

/** Two different CPU sets on any host that has two pCPUs; the same twice on one that has not. */
export function twoCpuSets(pcpus: CpuSet): readonly [CpuSet, CpuSet] {
  return [cpuSetOf(pcpus.slice(0, 1)), cpuSetOf(pcpus.slice(-1))];
}
