/**
 * Reads the facts of `headroom doctor` from this machine. Every reading stands alone: what cannot be read is a fact too, so
 * nothing here throws for a host that lacks something.
 */
import { accessSync, constants, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { type CpuSet, EMPTY_CPU_SET, parseCpuSet } from "../../core/cpuset.js";
import { OperationalError } from "../../ports/errors.js";
import type { DomainStats, Hypervisor } from "../../ports/hypervisor.js";
import { environment } from "../environment.js";
import { hypervisorKind, isLoopbackName } from "../host/hypervisor-kind.js";
import type { Settings } from "../settings/agent-settings.js";
import type { FolderFact, HostFacts, HypervisorFact } from "./facts.js";

/** libvirt and distributions keep QEMU there when it is not on the PATH. */
const EXTRA_FOLDERS = ["/usr/sbin", "/usr/libexec", "/usr/local/bin"];
const QEMU_NAMES = ["qemu-system-x86_64", "qemu-system-aarch64", "qemu-kvm", "kvm"];

const isSystemError = (error: unknown): boolean => error instanceof Error && "code" in error;

function text(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch (error) {
    if (isSystemError(error)) return null;
    throw error;
  }
}

function may(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return true;
  } catch (error) {
    if (isSystemError(error)) return false;
    throw error;
  }
}

function hasProgram(names: readonly string[]): boolean {
  const folders = [...(environment("PATH") ?? "").split(delimiter), ...EXTRA_FOLDERS];
  return folders.some((folder) => names.some((name) => may(join(folder, name), constants.X_OK)));
}

/** A folder that does not exist can be made where the nearest one above it may be written. */
function folderFact(path: string): FolderFact {
  if (existsSync(path)) {
    const usable = statSync(path).isDirectory();
    return {
      path,
      exists: usable,
      readable: usable && may(path, constants.R_OK | constants.X_OK),
      writable: usable && may(path, constants.W_OK | constants.X_OK),
    };
  }
  let above = dirname(path);
  while (!existsSync(above)) above = dirname(above);
  return { path, exists: false, readable: false, writable: may(above, constants.W_OK | constants.X_OK) };
}

const MANAGERS = [
  ["apt", "apt-get"],
  ["dnf", "dnf"],
  ["zypper", "zypper"],
  ["pacman", "pacman"],
] as const;

function cgroupFacts(): HostFacts["cgroups"] {
  const unified = text("/sys/fs/cgroup/cgroup.controllers");
  if (unified !== null) return { version: 2, controllers: unified.split(/\s+/).filter((name) => name !== "") };
  const folders = ["cpuset", "cpu", "memory"].filter((name) => existsSync(`/sys/fs/cgroup/${name}`));
  return { version: folders.length > 0 ? 1 : null, controllers: folders };
}

/** systemd-timesyncd, chrony and ntpd each leave a mark while they run; null when none does. */
function isSynchronized(): boolean | null {
  if (existsSync("/run/systemd/timesync/synchronized")) return true;
  if (existsSync("/run/systemd/timesync")) return false;
  const daemons = ["/run/chrony/chronyd.pid", "/run/chronyd.pid", "/run/ntpd.pid", "/run/openntpd.pid"];
  return daemons.some((path) => existsSync(path)) ? true : null;
}

function cpuSetOf(path: string): CpuSet {
  const list = text(path);
  return list === null ? EMPTY_CPU_SET : parseCpuSet(list);
}

/** Null when the address can be listened on. */
function listeningFailure(address: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      resolve(error.code === "EADDRINUSE" ? "something listens there already" : error.message);
    });
    server.listen(port, address, () => server.close(() => resolve(null)));
  });
}

const isRunning = (guest: DomainStats): boolean => guest.state === "running";

async function hypervisorFact(uri: string, open: () => Promise<Hypervisor>): Promise<HypervisorFact> {
  const kind = hypervisorKind(uri);
  const silent = { accelerator: null, version: null, runningGuests: 0 };
  let hypervisor: Hypervisor | null = null;
  try {
    hypervisor = await open();
    await hypervisor.connect();
    const host = await hypervisor.host();
    const running = (await hypervisor.stats()).filter(isRunning);
    return {
      uri,
      kind,
      failure: null,
      accelerator: host.accelerator,
      version: `${host.driverVersion}, ${host.hypervisorVersion}`,
      runningGuests: running.length,
      guestsWithoutBalloonStatistics: running.filter((guest) => !guest.memory?.lastUpdate).map((guest) => guest.name),
      guestsWithoutRunDelay: running
        .filter((guest) => guest.vcpus.some((vcpu) => vcpu.online && vcpu.delayNs === null))
        .map((guest) => guest.name),
    };
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    const failure = error.message;
    return { uri, kind, failure, ...silent, guestsWithoutBalloonStatistics: [], guestsWithoutRunDelay: [] };
  } finally {
    await hypervisor?.close();
  }
}

/** Everything, for the host that `settings` describes; `open` makes the hypervisor's driver, not yet connected. */
export async function gatherFacts(settings: Settings, open: () => Promise<Hypervisor>): Promise<HostFacts> {
  const kvm = "/dev/kvm";
  const { username } = userInfo();
  return {
    packageManager: MANAGERS.find(([, program]) => hasProgram([program]))?.[0] ?? null,
    user: { name: username, isRoot: process.getuid?.() === 0 },
    hypervisor: await hypervisorFact(settings.hypervisor, open),
    libvirtInstalled: hasProgram(["libvirtd", "virtqemud"]),
    hasSystemd: existsSync("/run/systemd/system"),
    wantedAccelerator: settings.accelerator,
    kvm: { exists: existsSync(kvm), usable: may(kvm, constants.R_OK | constants.W_OK) },
    qemuImg: hasProgram(["qemu-img"]),
    qemuSystem: settings.qemuBinary === null ? hasProgram(QEMU_NAMES) : may(settings.qemuBinary, constants.X_OK),
    imageMode: settings.imageMode,
    imageFolders: settings.imageFolders.map(folderFact),
    overlayFolder: folderFact(settings.overlayFolder),
    stateFolder: folderFact(settings.stateFolder),
    listening: {
      address: settings.address,
      port: settings.port,
      failure: await listeningFailure(settings.address, settings.port),
      isLoopback: isLoopbackName(settings.address),
      hasTokens: settings.tokensFile !== null,
    },
    cgroups: cgroupFacts(),
    clock: {
      synchronized: isSynchronized(),
      source: text("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
    },
    isolatedPcpus: cpuSetOf("/sys/devices/system/cpu/isolated"),
    hostPcpus: settings.hostPcpus,
    onlinePcpus: cpuSetOf("/sys/devices/system/cpu/online"),
  };
}
