/** What does not change while a daemon runs: the host's name, pCPUs, versions, and which domain type guests get. */
import { readFile } from "node:fs/promises";
import { mib } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import type { HypervisorHost } from "../../ports/hypervisor.js";
import type { Log } from "../../ports/log.js";
import { type Accelerator, type AcceleratorChoice, chooseAccelerator } from "./accelerator.js";
import { type Capabilities, readCapabilities } from "./capabilities.js";
import { cpuSetOfMap } from "./cpu-map.js";
import { type KvmProbe, probeKvm } from "./kvm-probe.js";
import type { Session } from "./session.js";

export interface HostFactsOptions {
  readonly choice: AcceleratorChoice;
  /** The daemon runs on this machine. */
  readonly local: boolean;
  readonly emulator: string | null;
  readonly clock: Clock;
  readonly log: Log;
}

/** One bit map is this long at least: enough for 256 pCPUs, should some be plugged in later. */
const SHORTEST_CPU_MAP = 32;

interface DomainHost {
  readonly accelerator: Accelerator;
  readonly arch: string;
  readonly hostUuid: string | null;
}

export class HostFactsReader {
  readonly #options: HostFactsOptions;
  #driver: string | null = null;
  #cpuMapBytes: number | null = null;
  #domainHost: DomainHost | null = null;
  #probe: Promise<KvmProbe> | null = null;

  constructor(options: HostFactsOptions) {
    this.#options = options;
  }

  async host(session: Session): Promise<HypervisorHost> {
    const [hostname, driver, hypervisor, library, cpuMap, memoryKiB, { accelerator, hostUuid }] = await Promise.all([
      session.hostname(),
      this.#driverName(session),
      session.hypervisorVersion(),
      session.libraryVersion(),
      session.cpuMap(),
      this.#memoryKiB(session),
      this.domainHost(session),
    ]);
    this.#cpuMapBytes = Math.max(SHORTEST_CPU_MAP, cpuMap.length);
    return {
      hostname,
      machineId: hostUuid,
      accelerator,
      hypervisorVersion: `${driver} ${versionText(hypervisor)}`,
      driverVersion: `libvirt ${versionText(library)}`,
      pcpus: cpuSetOfMap(cpuMap),
      memoryMiB: mib(Math.floor(memoryKiB / 1024)),
    };
  }

  /** Domain type and architecture of new guests. The first call may take as long as the KVM probe. */
  async domainHost(
    session: Session,
  ): Promise<{ readonly accelerator: string; readonly arch: string; readonly hostUuid: string | null }> {
    this.#domainHost ??= await this.#choose(session);
    return { ...this.#domainHost, accelerator: this.#domainHost.accelerator.domainType };
  }

  async cpuMapBytes(session: Session): Promise<number> {
    this.#cpuMapBytes ??= Math.max(SHORTEST_CPU_MAP, (await session.cpuMap()).length);
    return this.#cpuMapBytes;
  }

  async isTestDriver(session: Session): Promise<boolean> {
    return (await this.#driverName(session)).toLowerCase() === "test";
  }

  /** libvirt leaves out memory that was plugged in after boot; the kernel does not. */
  async #memoryKiB(session: Session): Promise<number> {
    const own = this.#options.local && !(await this.isTestDriver(session)) ? await readMeminfo() : null;
    return own ?? session.memoryKiB();
  }

  async #driverName(session: Session): Promise<string> {
    this.#driver ??= await session.type();
    return this.#driver;
  }

  async #choose(session: Session): Promise<DomainHost> {
    const [driver, text] = await Promise.all([this.#driverName(session), session.capabilities()]);
    const capabilities = readCapabilities(text);
    const { choice, log } = this.#options;
    const probe = this.#probeFor(capabilities);
    const accelerator = await chooseAccelerator({ choice, capabilities, driver, probe });
    const { domainType, remark } = accelerator;
    if (remark !== null) log.warn({ accelerator: domainType, reason: remark }, "guests will be slow");
    return { accelerator, arch: capabilities.arch, hostUuid: capabilities.hostUuid };
  }

  #probeFor({ arch }: Capabilities): ((emulator: string) => Promise<KvmProbe>) | null {
    const { clock, emulator, local } = this.#options;
    if (!local || arch !== "x86_64") return null;
    return (offered) => {
      this.#probe ??= probeKvm({ emulator: emulator ?? offered, clock });
      return this.#probe;
    };
  }
}

/** MemTotal in KiB; null where there is no such file. */
async function readMeminfo(): Promise<number | null> {
  const text = await readFile("/proc/meminfo", "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "EACCES") return "";
    throw error;
  });
  const total = /^MemTotal:\s+(\d+) kB$/m.exec(text)?.[1];
  return total === undefined ? null : Number(total);
}

const versionText = (version: number): string =>
  `${Math.floor(version / 1_000_000)}.${Math.floor(version / 1000) % 1000}.${version % 1000}`;
