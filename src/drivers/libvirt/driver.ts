/**
 * The Hypervisor port on libvirt. Every call looks the domain up by name first, so that an action never hits a domain that
 * took over another's uuid; reads of many domains use what the last statistics said. libvirt's words, units and error codes
 * end here. What the test driver lacks (statistics beyond the state, flags for pins) becomes nulls and other calls.
 */
import { randomInt } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { CpuSet } from "../../core/cpuset.js";
import { type MiB, milliseconds, type Seconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type {
  DomainDetail,
  DomainSpec,
  DomainStats,
  Hypervisor,
  HypervisorEvent,
  HypervisorHost,
  HypervisorMemory,
  MigrationTarget,
  VmMetadata,
} from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import { realClock } from "../linux/real-clock.js";
import type { AcceleratorChoice } from "./accelerator.js";
import { affectAll } from "./affect.js";
import { byName } from "./by-name.js";
import { cpuMapOf, cpuSetOfMap } from "./cpu-map.js";
import { DEFAULT_DOMAIN_TEMPLATE } from "./default-template.js";
import { readDomainXml } from "./domain-detail.js";
import { DomainIndex } from "./domain-index.js";
import { buildDomainXml, type DomainTemplate, loadTemplate, updateDomainXml } from "./domain-xml.js";
import { type ErrandOptions, onErrand } from "./errand.js";
import { HostFactsReader } from "./host-facts.js";
import { lifecycleEvent } from "./lifecycle.js";
import { Link, type LinkTimes } from "./link.js";
import { METADATA_NAMESPACE, METADATA_PREFIX, metadataXml } from "./metadata-xml.js";
import { migrateGuest, settleGuest, unlessGone } from "./migration.js";
import { destinationOf } from "./migration-uri.js";
import { AFFECT, NO_PLACES, SERVER_ERROR, UNDEFINE_EVERYTHING, XML } from "./procedures.js";
import { asOperational, ServerError } from "./server-error.js";
import type { LifecycleMessage, Session } from "./session.js";
import { domainState, mibOfKiB, statsOf } from "./stats.js";
import { type OpenStream, openStream } from "./transport.js";
import { type LibvirtUri, parseLibvirtUri } from "./uri.js";
import { type DomainRef, uuidBytes, uuidText } from "./wire-types.js";

export interface LibvirtOptions {
  /** `qemu:///system`, `qemu+ssh://user@host/system`, `test:///default` ...: docs/operating.md. */
  readonly uri: string;
  readonly log: Log;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Default auto: KVM where it works, else TCG. */
  readonly accelerator?: AcceleratorChoice;
  /** Path of a domain template (docs/domain-template.md); null: the built-in one. */
  readonly templatePath?: string | null;
  readonly emulator?: string | null;
  readonly machine?: string | null;
  /** Where a session daemon's sockets are; default `/run/user/UID`. */
  readonly runtimeFolder?: string;
  readonly times?: Partial<LinkTimes>;
  /** Where other hosts reach this libvirt, for live migration; null: guests cannot come here. */
  readonly migrationUri?: string | null;
  /** For tests: another way to a daemon. */
  readonly open?: OpenStream;
}

export const DEFAULT_TIMES: LinkTimes = {
  deadline: milliseconds(15_000),
  // A frozen daemon is noticed within 20 s, sooner than a tick that hangs becomes a problem.
  keepAlive: { interval: milliseconds(5_000), count: 3 },
  firstPause: milliseconds(250),
  longestPause: milliseconds(30_000),
};

/** Starting and stopping a guest may take long on a slow disk or a busy host: libvirt with stock settings was seen at 48 s. */
const SLOW = milliseconds(120_000);

const runtimeFolder = (): string => `/run/user/${process.getuid?.() ?? 0}`;
const cryptoRandom = (): number => randomInt(2 ** 32) / 2 ** 32;

/** Not connected yet. Throws `bad-settings` when the URI is none that Headroom can use. */
export function libvirtHypervisor(options: LibvirtOptions): Hypervisor {
  return new LibvirtHypervisor(options);
}

class LibvirtHypervisor implements Hypervisor {
  readonly uri: string;
  readonly migrationAddress: string | null;
  readonly #options: LibvirtOptions;
  readonly #errands: ErrandOptions;
  readonly #parsed: LibvirtUri;
  readonly #link: Link;
  readonly #facts: HostFactsReader;
  readonly #index = new DomainIndex();
  readonly #listeners = new Set<(event: HypervisorEvent) => void>();
  #template: DomainTemplate | null = null;

  constructor(options: LibvirtOptions) {
    const uri = parseLibvirtUri(options.uri, { runtimeFolder: options.runtimeFolder ?? runtimeFolder() });
    const clock = options.clock ?? realClock();
    const times = { ...DEFAULT_TIMES, ...options.times };
    const open = options.open ?? openStream;
    this.uri = options.uri;
    this.migrationAddress = options.migrationUri ?? null;
    if (this.migrationAddress !== null) destinationOf(this.migrationAddress);
    this.#options = options;
    this.#parsed = uri;
    this.#errands = { open, clock, times };
    this.#facts = new HostFactsReader({
      choice: options.accelerator ?? "auto",
      local: uri.local,
      emulator: options.emulator ?? null,
      clock,
      log: options.log,
    });
    this.#link = new Link({
      uri,
      clock,
      log: options.log,
      open,
      random: options.random ?? cryptoRandom,
      times,
      onLifecycle: (message) => this.#tellLifecycle(message),
      onReboot: ({ name, uuid }) => this.#tell({ kind: "rebooted", name, uuid: uuidText(uuid) }),
      onLost: (reason) => {
        this.#index.clear();
        this.#tell({ kind: "disconnected", reason });
      },
      onBack: () => this.#tell({ kind: "reconnected" }),
    });
  }

  async connect(): Promise<void> {
    this.#template ??= await readTemplate(this.#options.templatePath ?? null);
    await this.#link.connect();
  }

  close(): Promise<void> {
    return this.#link.close();
  }

  isConnected(): boolean {
    return this.#link.isOpen();
  }

  host(): Promise<HypervisorHost> {
    return this.#ask("look at the host", (session) => this.#facts.host(session));
  }

  /** Caches count as available, although the kernel keeps some of them: /proc/meminfo on the host itself knows better. */
  memory(): Promise<HypervisorMemory | null> {
    return this.#ask("read the host's memory", async (session) => {
      if (await this.#facts.isTestDriver(session)) return null;
      const kib = await session.nodeMemoryStats();
      const [total, free] = [kib.get("total"), kib.get("free")];
      if (total === undefined || free === undefined) return null;
      const caches = (kib.get("buffers") ?? 0n) + (kib.get("cached") ?? 0n);
      return { totalMiB: mibOfKiB(Number(total)), availableMiB: mibOfKiB(Number(free + caches)) };
    });
  }

  stats(): Promise<readonly DomainStats[]> {
    return this.#ask("read the statistics", async (session) => {
      const records = await session.allDomainStats();
      this.#index.replace(records);
      return records.map(statsOf).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    });
  }

  detail(name: string): Promise<DomainDetail | null> {
    return this.#ask(`look at VM ${name}`, (session) =>
      unlessGone(async () => {
        const domain = await session.lookupByName(name);
        const [xml, state, persistent] = await Promise.all([
          session.xml(domain, XML.present),
          session.state(domain),
          session.isPersistent(domain),
        ]);
        const reading = readDomainXml(xml);
        if (reading.damagedMetadata !== null) {
          const fields = { vm: name, reason: reading.damagedMetadata };
          this.#options.log.warn(fields, "its Headroom metadata cannot be read; taken for a foreign VM");
        }
        return { ...reading.domain, state: domainState(state.state, state.reason), persistent };
      }),
    );
  }

  pins(names: readonly string[]): Promise<ReadonlyMap<string, readonly CpuSet[]>> {
    return this.#ask("read pins", async (session) => {
      const bytesEach = await this.#facts.cpuMapBytes(session);
      return byName(names, (name) => unlessGone(() => this.#pinsOf(session, name, bytesEach)));
    });
  }

  lastPcpus(names: readonly string[]): Promise<ReadonlyMap<string, readonly (number | null)[]>> {
    return this.#ask("read where vCPUs ran", (session) =>
      byName(names, (name) => unlessGone(() => this.#placesOf(session, name), NO_PLACES)),
    );
  }

  async #placesOf(session: Session, name: string): Promise<readonly (number | null)[]> {
    const { domain, vcpus } = await this.#sizeOf(session, name);
    return (await session.vcpuPlaces(domain, vcpus)).map((pcpu) => (pcpu < 0 ? null : pcpu));
  }

  async #pinsOf(session: Session, name: string, bytesEach: number): Promise<readonly CpuSet[]> {
    const { domain, vcpus } = await this.#sizeOf(session, name);
    return (await session.vcpuPins(domain, vcpus, bytesEach)).map(cpuSetOfMap);
  }

  async #sizeOf(session: Session, name: string) {
    const known = this.#index.get(name);
    const domain = known?.domain ?? (await session.lookupByName(name));
    return { domain, vcpus: known?.vcpus ?? (await session.vcpuCount(domain)) };
  }

  define(spec: DomainSpec): Promise<void> {
    return this.#ask(`define VM ${spec.name}`, async (session) => {
      const uuid = uuidBytes(spec.uuid);
      const [sameName, sameUuid] = await Promise.all([
        unlessGone(() => session.lookupByName(spec.name)),
        unlessGone(() => session.lookupByUuid(uuid)),
      ]);
      const taken = sameName ?? sameUuid;
      if (taken) throw exists(`a domain ${taken.name} with uuid ${uuidText(taken.uuid)} exists`);
      await this.#defineXml(session, await this.#buildXml(session, spec));
    });
  }

  redefine(spec: DomainSpec): Promise<void> {
    return this.#ask(`redefine VM ${spec.name}`, async (session) => {
      const domain = await session.lookupByName(spec.name);
      if (uuidText(domain.uuid) !== spec.uuid.toLowerCase()) {
        throw exists(`domain ${spec.name} exists with uuid ${uuidText(domain.uuid)}`);
      }
      const stored = updateDomainXml(await session.xml(domain, XML.stored), spec);
      await this.#defineXml(session, stored ?? (await this.#buildXml(session, spec)));
    });
  }

  async #buildXml(session: Session, spec: DomainSpec): Promise<string> {
    const { accelerator, arch } = await this.#facts.domainHost(session);
    const { emulator = null, machine = null, templatePath = null } = this.#options;
    this.#template ??= await readTemplate(templatePath);
    return buildDomainXml(this.#template, spec, { accelerator, arch, emulator, machine });
  }

  async #defineXml(session: Session, xml: string): Promise<void> {
    try {
      await session.defineXml(xml, SLOW);
    } catch (error) {
      // Someone else was quicker between our look and our call.
      const taken = error instanceof ServerError && error.code === SERVER_ERROR.operationFailed;
      if (taken && /already (exists|defined)/.test(error.message)) throw exists(error.message, error);
      throw error;
    }
  }

  start(name: string): Promise<void> {
    return this.#onDomain("start", name, (session, domain) => session.create(domain, SLOW));
  }

  shutdown(name: string): Promise<void> {
    return this.#onDomain("shut down", name, (session, domain) => session.shutdown(domain));
  }

  destroy(name: string): Promise<void> {
    return this.#onDomain("destroy", name, async (session, domain) => {
      try {
        await session.destroy(domain, SLOW);
      } catch (error) {
        if (!(error instanceof ServerError && error.code === SERVER_ERROR.operationInvalid)) throw error;
        const { state, reason } = await session.state(domain);
        const ended = domainState(state, reason);
        if (ended !== "stopped" && ended !== "crashed") throw error;
      }
    });
  }

  undefine(name: string): Promise<void> {
    return this.#onDomain("undefine", name, async (session, domain) => {
      try {
        await session.undefine(domain, UNDEFINE_EVERYTHING);
      } catch (error) {
        if (!isUnsupportedFlag(error)) throw error;
        await session.undefine(domain, 0);
      }
      this.#index.forget(name);
    });
  }

  pinVcpu(name: string, vcpu: number, cpus: CpuSet): Promise<void> {
    return this.#onDomain(`pin vCPU ${vcpu} of`, name, async (session, domain) => {
      const map = cpuMapOf(cpus);
      if (await this.#facts.isTestDriver(session)) return session.pinVcpuPlain(domain, vcpu, map);
      await session.pinVcpu(domain, vcpu, map, await affectAll(session, domain));
    });
  }

  setVcpus(name: string, vcpus: number): Promise<void> {
    return this.#onDomain(`give ${vcpus} vCPUs to`, name, async (session, domain) => {
      await session.setVcpus(domain, vcpus, await affectAll(session, domain), SLOW);
      this.#index.forget(name);
    });
  }

  setMemory(name: string, memoryMiB: MiB): Promise<void> {
    const kib = BigInt(Math.round(memoryMiB * 1024));
    return this.#onDomain(`give ${memoryMiB} MiB to`, name, (session, domain) =>
      session.setMemory(domain, kib, AFFECT.live),
    );
  }

  setMetadata(name: string, metadata: VmMetadata): Promise<void> {
    return this.#onDomain("mark", name, async (session, domain) => {
      const mark = { xml: metadataXml(metadata), prefix: METADATA_PREFIX, namespace: METADATA_NAMESPACE };
      await session.setMetadata(domain, mark, await affectAll(session, domain));
    });
  }

  setMemoryStatsPeriod(name: string, period: Seconds): Promise<void> {
    return this.#onDomain("ask for memory statistics of", name, (session, domain) =>
      session.setMemoryStatsPeriod(domain, period, AFFECT.live),
    );
  }

  migrate(name: string, uuid: string, { address, pins }: MigrationTarget, signal: AbortSignal): Promise<void> {
    return operational(`move VM ${name}`, () => {
      const { uri, dataUri } = destinationOf(address);
      return onErrand(uri, this.#errands, (destination) =>
        onErrand(this.#parsed, this.#errands, (source) =>
          migrateGuest(source, destination, { name, uuid, pins, dataUri, signal, log: this.#options.log }),
        ),
      );
    });
  }

  settleMigration(name: string, uuid: string, address: string): Promise<"here" | "gone"> {
    return this.#ask(`settle the move of VM ${name}`, (session) => {
      const { uri } = destinationOf(address);
      return settleGuest(session, (question) => onErrand(uri, this.#errands, question), { name, uuid });
    });
  }

  subscribe(listener: (event: HypervisorEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  // Inside

  #onDomain(verb: string, name: string, action: (session: Session, domain: DomainRef) => Promise<void>): Promise<void> {
    return this.#ask(`${verb} VM ${name}`, async (session) => action(session, await session.lookupByName(name)));
  }

  #ask<T>(what: string, action: (session: Session) => Promise<T>): Promise<T> {
    return operational(what, () => action(this.#link.session()));
  }

  #tellLifecycle(message: LifecycleMessage): void {
    this.#index.forget(message.domain.name);
    const event = lifecycleEvent(message);
    if (event) this.#tell(event);
  }

  #tell(event: HypervisorEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}

async function operational<T>(what: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw asOperational(what, error);
  }
}

const isUnsupportedFlag = (error: unknown): boolean =>
  error instanceof ServerError &&
  (error.code === SERVER_ERROR.invalidArgument || error.code === SERVER_ERROR.noSupport);

const exists = (message: string, cause?: unknown): OperationalError =>
  new OperationalError("domain-exists", message, false, { cause });

async function readTemplate(path: string | null): Promise<DomainTemplate> {
  if (path === null) return loadTemplate(DEFAULT_DOMAIN_TEMPLATE, "built-in");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    const message = `domain template (${path}) cannot be read: ${(cause as Error).message}`;
    throw new OperationalError("bad-settings", message, false, { cause });
  }
  return loadTemplate(text, path);
}
