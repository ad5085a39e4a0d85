/**
 * A connection that has been opened for one hypervisor, and libvirt's calls as typed functions: one per procedure, no
 * decisions. Failures are `ServerError`, `ProtocolError` or `OperationalError`; the driver gives them their words.
 */
import type { Milliseconds } from "../../core/units.js";
import { OperationalError } from "../../ports/errors.js";
import type { Connection } from "./connection.js";
import {
  AUTH,
  EVENT,
  FEATURE,
  METADATA_ELEMENT,
  MIGRATE,
  type ProcedureName,
  STATS,
  STATS_NOWAIT,
} from "./procedures.js";
import {
  type DomainRef,
  type DomainStatsRecord,
  LONGEST_COOKIE,
  LONGEST_CPU_MAPS,
  LONGEST_STRING,
  readDomain,
  readDomainStats,
  writeDomain,
  writeTexts,
} from "./wire-types.js";
import { XdrReader, XdrWriter } from "./xdr.js";

/** Sixteen thousand pCPUs, twice what Linux can have. */
const LONGEST_CPU_MAP = 2048;
/** In place of a vCPU's pCPU. */
const NO_PCPU = -1;
/** The model's name in `node_info`: characters take a word each. */
const NODE_MODEL_BYTES = 32 * 4;
const STATS_MASK = STATS.state | STATS.cpuTotal | STATS.balloon | STATS.vcpu;

export interface LifecycleMessage {
  readonly domain: DomainRef;
  readonly event: number;
  readonly detail: number;
}

/** `VIR_NODE_MEMORY_STATS_ALL_CELLS`. */
const ALL_CELLS = -1;
const MOST_NODE_FIGURES = 1024;

const readNodeFigures = (reader: XdrReader): [string, bigint][] =>
  reader.array(MOST_NODE_FIGURES, 12, (one) => [one.string(LONGEST_STRING), one.uhyper()]);
/** Texts by libvirt's own names: `destination_xml`, `migrate_uri` ... */
export type MigrationTexts = Readonly<Record<string, string>>;
/** What one step of a migration tells the next; opaque. */
export type Cookie = Buffer;

const nothing = (): void => undefined;
const cookie = (reader: XdrReader): Cookie => Buffer.from(reader.bytes(LONGEST_COOKIE));
const int = (reader: XdrReader): number => reader.int();
const text = (reader: XdrReader): string => reader.string(LONGEST_STRING);

/** Says who we are and what we want; the connection can be used afterwards. */
export async function openSession(connection: Connection, remoteUri: string): Promise<Session> {
  const ways = await connection.call("authList", null, (reader) => reader.array(20, 4, int));
  await authenticate(connection, ways);
  const supports = (feature: number) =>
    connection.call("connectSupportsFeature", new XdrWriter().int(feature), (reader) => reader.int() === 1);
  if (await supports(FEATURE.keepalive)) connection.startKeepAlive();
  const open = new XdrWriter().optionalString(remoteUri).uint(0);
  await connection.call("connectOpen", open, nothing);
  if (!(await supports(FEATURE.eventCallback))) {
    const message = "this libvirt is too old: it has no event callbacks (libvirt 1.3.3 or newer is needed)";
    throw new OperationalError("unsupported-by-hypervisor", message, false);
  }
  const session = new Session(connection);
  await Promise.all([session.subscribe("lifecycle"), session.subscribe("reboot")]);
  return session;
}

async function authenticate(connection: Connection, ways: readonly number[]): Promise<void> {
  if (ways.length === 0 || ways.includes(AUTH.none)) return;
  if (ways.includes(AUTH.polkit)) {
    await connection.call("authPolkit", null, int);
    return;
  }
  const message =
    "libvirt asks for a SASL log-in, which Headroom does not do: use its unix socket, qemu+ssh:// or TLS certificates";
  throw new OperationalError("hypervisor-unreachable", message, false);
}

/** Reads the message of `domainEventCallbackReboot`: QEMU was reset, by its guest or from outside. */
export function readReboot(body: Buffer): DomainRef {
  const reader = new XdrReader(body);
  reader.int();
  return readDomain(reader);
}

/** Reads the message of `domainEventCallbackLifecycle`. */
export function readLifecycle(body: Buffer): LifecycleMessage {
  const reader = new XdrReader(body);
  reader.int();
  return { domain: readDomain(reader), event: reader.int(), detail: reader.int() };
}

export class Session {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  subscribe(kind: keyof typeof EVENT): Promise<number> {
    const body = new XdrWriter().int(EVENT[kind]).uint(0);
    return this.#connection.call("domainEventCallbackRegisterAny", body, int);
  }

  closeRemote(deadline: Milliseconds): Promise<void> {
    return this.#connection.call("connectClose", null, nothing, deadline);
  }

  type(): Promise<string> {
    return this.#connection.call("connectGetType", null, text);
  }

  hostname(): Promise<string> {
    return this.#connection.call("connectGetHostname", null, text);
  }

  /** Of the hypervisor, as major * 1,000,000 + minor * 1,000 + release. */
  hypervisorVersion(): Promise<number> {
    return this.#connection.call("connectGetVersion", null, (reader) => Number(reader.uhyper()));
  }

  libraryVersion(): Promise<number> {
    return this.#connection.call("connectGetLibVersion", null, (reader) => Number(reader.uhyper()));
  }

  capabilities(): Promise<string> {
    return this.#connection.call("connectGetCapabilities", null, text);
  }

  memoryKiB(): Promise<number> {
    return this.#connection.call("nodeGetInfo", null, (reader) => {
      reader.fixedBytes(NODE_MODEL_BYTES);
      return Number(reader.uhyper());
    });
  }

  /** Online pCPUs, as a bit map. */
  cpuMap(): Promise<Buffer> {
    const body = new XdrWriter().int(1).int(0).uint(0);
    return this.#connection.call("nodeGetCpuMap", body, (reader) => Buffer.from(reader.bytes(LONGEST_CPU_MAP)));
  }

  /** KiB by name, of the host as a whole; first asked how many figures there are, since libvirt wants to be asked for exactly those. */
  async nodeMemoryStats(): Promise<ReadonlyMap<string, bigint>> {
    const asked = (count: number) => new XdrWriter().int(count).int(ALL_CELLS).uint(0);
    const count = await this.#connection.call("nodeGetMemoryStats", asked(0), (reader) => {
      readNodeFigures(reader);
      return reader.int();
    });
    const figures = await this.#connection.call("nodeGetMemoryStats", asked(count), readNodeFigures);
    return new Map(figures);
  }

  allDomainStats(): Promise<DomainStatsRecord[]> {
    const body = new XdrWriter().uint(0).uint(STATS_MASK).uint(STATS_NOWAIT);
    return this.#connection.call("connectGetAllDomainStats", body, readDomainStats);
  }

  lookupByName(name: string): Promise<DomainRef> {
    return this.#connection.call("domainLookupByName", new XdrWriter().string(name), readDomain);
  }

  lookupByUuid(uuid: Buffer): Promise<DomainRef> {
    return this.#connection.call("domainLookupByUuid", new XdrWriter().fixedBytes(uuid), readDomain);
  }

  isPersistent(domain: DomainRef): Promise<boolean> {
    return this.#onDomain(
      "domainIsPersistent",
      domain,
      (body) => body,
      (reader) => reader.int() !== 0,
    );
  }

  state(domain: DomainRef): Promise<{ readonly state: number; readonly reason: number }> {
    return this.#onDomain(
      "domainGetState",
      domain,
      (body) => body.uint(0),
      (reader) => ({ state: reader.int(), reason: reader.int() }),
    );
  }

  /** `flags`: XML. */
  xml(domain: DomainRef, flags: number): Promise<string> {
    return this.#onDomain("domainGetXmlDesc", domain, (body) => body.uint(flags), text);
  }

  defineXml(xml: string, deadline: Milliseconds): Promise<DomainRef> {
    return this.#connection.call("domainDefineXml", new XdrWriter().string(xml), readDomain, deadline);
  }

  create(domain: DomainRef, deadline: Milliseconds): Promise<void> {
    return this.#onDomain("domainCreate", domain, (body) => body, nothing, deadline);
  }

  shutdown(domain: DomainRef): Promise<void> {
    return this.#onDomain("domainShutdown", domain, (body) => body, nothing);
  }

  destroy(domain: DomainRef, deadline: Milliseconds): Promise<void> {
    return this.#onDomain("domainDestroy", domain, (body) => body, nothing, deadline);
  }

  undefine(domain: DomainRef, flags: number): Promise<void> {
    return this.#onDomain("domainUndefineFlags", domain, (body) => body.uint(flags), nothing);
  }

  /** `flags`: AFFECT. */
  pinVcpu(domain: DomainRef, vcpu: number, cpuMap: Buffer, flags: number): Promise<void> {
    const rest = (body: XdrWriter) => body.uint(vcpu).bytes(cpuMap).uint(flags);
    return this.#onDomain("domainPinVcpuFlags", domain, rest, nothing);
  }

  /** The older call, for drivers that know no flags. */
  pinVcpuPlain(domain: DomainRef, vcpu: number, cpuMap: Buffer): Promise<void> {
    return this.#onDomain("domainPinVcpu", domain, (body) => body.uint(vcpu).bytes(cpuMap), nothing);
  }

  /** The CPU maps of at most `most` vCPUs, in index order, each `bytesEach` long. */
  vcpuPins(domain: DomainRef, most: number, bytesEach: number): Promise<Buffer[]> {
    const rest = (body: XdrWriter) => body.int(most).int(bytesEach).uint(0);
    return this.#onDomain("domainGetVcpuPinInfo", domain, rest, (reader) => {
      const maps = reader.bytes(LONGEST_CPU_MAPS);
      const count = Math.max(0, Math.min(reader.int(), most, Math.floor(maps.length / bytesEach)));
      return Array.from({ length: count }, (_, index) => maps.subarray(index * bytesEach, (index + 1) * bytesEach));
    });
  }

  /** The pCPU that each of at most `most` vCPUs is on, in index order; below 0: none. */
  vcpuPlaces(domain: DomainRef, most: number): Promise<number[]> {
    const rest = (body: XdrWriter) => body.int(most).int(0);
    return this.#onDomain("domainGetVcpus", domain, rest, (reader) => {
      const places = new Map<number, number>();
      for (let left = Math.min(reader.uint(), most); left > 0; left--) {
        const index = reader.uint();
        reader.int();
        reader.uhyper();
        places.set(index, reader.int());
      }
      return Array.from({ length: most }, (_, index) => places.get(index) ?? NO_PCPU);
    });
  }

  vcpuCount(domain: DomainRef): Promise<number> {
    return this.#onDomain("domainGetVcpusFlags", domain, (body) => body.uint(0), int);
  }

  setVcpus(domain: DomainRef, vcpus: number, flags: number, deadline: Milliseconds): Promise<void> {
    return this.#onDomain("domainSetVcpusFlags", domain, (body) => body.uint(vcpus).uint(flags), nothing, deadline);
  }

  setMemory(domain: DomainRef, memoryKiB: bigint, flags: number): Promise<void> {
    return this.#onDomain("domainSetMemoryFlags", domain, (body) => body.uhyper(memoryKiB).uint(flags), nothing);
  }

  setMemoryStatsPeriod(domain: DomainRef, seconds: number, flags: number): Promise<void> {
    return this.#onDomain("domainSetMemoryStatsPeriod", domain, (body) => body.int(seconds).uint(flags), nothing);
  }

  setMetadata(
    domain: DomainRef,
    metadata: { readonly xml: string; readonly prefix: string; readonly namespace: string },
    flags: number,
  ): Promise<void> {
    const rest = (body: XdrWriter) =>
      body
        .int(METADATA_ELEMENT)
        .optionalString(metadata.xml)
        .optionalString(metadata.prefix)
        .optionalString(metadata.namespace)
        .uint(flags);
    return this.#onDomain("domainSetMetadata", domain, rest, nothing);
  }

  resume(domain: DomainRef): Promise<void> {
    return this.#onDomain("domainResume", domain, (body) => body, nothing);
  }

  abortJob(domain: DomainRef): Promise<void> {
    return this.#onDomain("domainAbortJob", domain, (body) => body, nothing);
  }

  // The five steps of a migration, in turn asked of the source (begin, perform, confirm) and the destination (prepare, finish)

  migrateBegin(domain: DomainRef, texts: MigrationTexts): Promise<{ readonly cookie: Cookie; readonly xml: string }> {
    const rest = (body: XdrWriter) => writeTexts(body, texts).uint(MIGRATE);
    return this.#onDomain("domainMigrateBegin3Params", domain, rest, (reader) => ({
      cookie: cookie(reader),
      xml: text(reader),
    }));
  }

  migratePrepare(
    texts: MigrationTexts,
    told: Cookie,
    deadline: Milliseconds,
  ): Promise<{ readonly cookie: Cookie; readonly uri: string | null }> {
    const body = writeTexts(new XdrWriter(), texts).bytes(told).uint(MIGRATE);
    return this.#connection.call(
      "domainMigratePrepare3Params",
      body,
      (reader) => ({ cookie: cookie(reader), uri: reader.optionalString(LONGEST_STRING) }),
      deadline,
    );
  }

  migratePerform(domain: DomainRef, texts: MigrationTexts, told: Cookie, deadline: Milliseconds): Promise<Cookie> {
    // No address of another daemon: it is we who speak to both.
    const rest = (body: XdrWriter) => writeTexts(body.optionalString(null), texts).bytes(told).uint(MIGRATE);
    return this.#onDomain("domainMigratePerform3Params", domain, rest, cookie, deadline);
  }

  migrateFinish(texts: MigrationTexts, told: Cookie, cancelled: boolean, deadline: Milliseconds): Promise<Cookie> {
    const body = writeTexts(new XdrWriter(), texts).bytes(told).uint(MIGRATE).int(Number(cancelled));
    return this.#connection.call(
      "domainMigrateFinish3Params",
      body,
      (reader) => {
        readDomain(reader);
        return cookie(reader);
      },
      deadline,
    );
  }

  migrateConfirm(domain: DomainRef, texts: MigrationTexts, told: Cookie, cancelled: boolean): Promise<void> {
    const rest = (body: XdrWriter) => writeTexts(body, texts).bytes(told).uint(MIGRATE).int(Number(cancelled));
    return this.#onDomain("domainMigrateConfirm3Params", domain, rest, nothing);
  }

  #onDomain<T>(
    procedure: ProcedureName,
    domain: DomainRef,
    rest: (body: XdrWriter) => XdrWriter,
    decode: (reader: XdrReader) => T,
    deadline?: Milliseconds,
  ): Promise<T> {
    return this.#connection.call(procedure, rest(writeDomain(new XdrWriter(), domain)), decode, deadline);
  }
}
