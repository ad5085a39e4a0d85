/**
 * What a host lacks, and the command that mends it: a list of findings from facts, one small check each. A check that is
 * `missing` keeps the agent from doing its work; `weak` costs quality or measurements; `fine` and `skipped` say why.
 */
import { formatCpuSet, intersectCpuSets } from "../../core/cpuset.js";
import type { FolderFact, HostFacts } from "./facts.js";

export interface Finding {
  readonly name: string;
  readonly state: "fine" | "weak" | "missing" | "skipped";
  readonly found: string;
  /** A command to type or a setting to make; null when there is nothing to do. */
  readonly remedy: string | null;
}

type Check = (facts: HostFacts) => Finding | readonly Finding[];

const fine = (name: string, found: string): Finding => ({ name, state: "fine", found, remedy: null });
const weak = (name: string, found: string, remedy: string): Finding => ({ name, state: "weak", found, remedy });
const missing = (name: string, found: string, remedy: string): Finding => ({ name, state: "missing", found, remedy });
const skipped = (name: string, found: string): Finding => ({ name, state: "skipped", found, remedy: null });

const PACKAGES = {
  libvirt: {
    apt: "libvirt-daemon-system libvirt-clients",
    dnf: "libvirt-daemon-kvm libvirt-client",
    zypper: "libvirt-daemon-qemu libvirt-client",
    pacman: "libvirt",
  },
  qemu: { apt: "qemu-system-x86", dnf: "qemu-kvm", zypper: "qemu-kvm", pacman: "qemu-base" },
  qemuImg: { apt: "qemu-utils", dnf: "qemu-img", zypper: "qemu-tools", pacman: "qemu-img" },
  clock: { apt: "chrony", dnf: "chrony", zypper: "chrony", pacman: "chrony" },
} as const;

const INSTALLERS = {
  apt: "apt-get install -y",
  dnf: "dnf install -y",
  zypper: "zypper install -y",
  pacman: "pacman -S",
};

/** With `sudo` unless the reader is root. */
const asRoot = (facts: HostFacts, command: string): string => (facts.user.isRoot ? command : `sudo ${command}`);

function install(facts: HostFacts, what: keyof typeof PACKAGES): string {
  const manager = facts.packageManager;
  if (manager === null) return `install the package that brings ${what === "qemuImg" ? "qemu-img" : what}`;
  return asRoot(facts, `${INSTALLERS[manager]} ${PACKAGES[what][manager]}`);
}

const names = (list: readonly string[]): string =>
  list.length <= 3 ? list.join(", ") : `${list.slice(0, 3).join(", ")} and ${list.length - 3} more`;

const hypervisor: Check = (facts) => {
  const { uri, kind, failure, version } = facts.hypervisor;
  if (failure === null) return fine("hypervisor", `${uri} answers${version === null ? "" : ` (${version})`}`);
  if (kind === "remote") return missing("hypervisor", failure, `ssh to the host and run: headroom doctor`);
  if (kind !== "local") return missing("hypervisor", failure, "headroom agent --hypervisor fake:///epyc-7662-2s");
  if (/permission|denied|authenti/i.test(failure)) {
    return missing("hypervisor", failure, `sudo usermod -aG libvirt ${facts.user.name} (then log in again)`);
  }
  const start = asRoot(facts, facts.hasSystemd ? "systemctl enable --now libvirtd" : "libvirtd -d");
  const remedy = facts.libvirtInstalled ? start : `${install(facts, "libvirt")} && ${start}`;
  return missing("hypervisor", failure, remedy);
};

const accelerator: Check = (facts) => {
  const { kind, accelerator: used } = facts.hypervisor;
  if (kind === "fake" || kind === "test") return skipped("accelerator", "a simulated host has none");
  if (kind === "remote") {
    return used === null ? skipped("accelerator", "the host was not reached") : fine("accelerator", used);
  }
  if (facts.wantedAccelerator === "tcg") return fine("accelerator", "tcg, as set");
  const lack = facts.kvm.exists ? "/dev/kvm may not be opened by this user" : "there is no /dev/kvm";
  const remedy = facts.kvm.exists
    ? `sudo usermod -aG kvm ${facts.user.name} (then log in again)`
    : asRoot(facts, "modprobe kvm_intel || modprobe kvm_amd (and switch virtualisation on in the firmware)");
  if (facts.kvm.usable && used === null)
    return fine("accelerator", "/dev/kvm is there; libvirt will tell whether it works");
  if (facts.kvm.usable && used !== "kvm" && facts.wantedAccelerator === "kvm") {
    return missing(
      "accelerator",
      "kvm is wanted and /dev/kvm is there, but libvirt offers no KVM",
      "virt-host-validate qemu",
    );
  }
  if (facts.kvm.usable && used !== "kvm") {
    return weak("accelerator", "guests run on TCG, although /dev/kvm is there", "virt-host-validate qemu");
  }
  if (facts.kvm.usable) return fine("accelerator", "kvm");
  if (facts.wantedAccelerator === "kvm") return missing("accelerator", `kvm is wanted, but ${lack}`, remedy);
  return weak("accelerator", `${lack}: guests run on TCG, ten times slower or more`, remedy);
};

const qemu: Check = (facts) => {
  if (facts.hypervisor.kind !== "local") return skipped("qemu", "guests run elsewhere");
  return facts.qemuSystem ? fine("qemu", "found") : missing("qemu", "no QEMU was found", install(facts, "qemu"));
};

const imageFolders: Check = (facts) => {
  if (facts.hypervisor.kind !== "local") return skipped("image folders", "guests run elsewhere");
  if (facts.imageFolders.length === 0) {
    return weak("image folders", "none is set: no VM can have a disk", "set HEADROOM_IMAGE_FOLDERS");
  }
  return facts.imageFolders.map((folder) => {
    const name = "image folder";
    if (!folder.exists) return missing(name, `${folder.path} does not exist`, asRoot(facts, `mkdir -p ${folder.path}`));
    if (folder.readable) return fine(name, folder.path);
    const remedy = `sudo setfacl -m u:${facts.user.name}:rx ${folder.path}`;
    return missing(name, `${folder.path} may not be read by ${facts.user.name}`, remedy);
  });
};

function writableFolder(name: string, folder: FolderFact, facts: HostFacts): Finding {
  if (folder.writable) return fine(name, folder.exists ? folder.path : `${folder.path} (will be made)`);
  const owner = facts.user.name;
  const remedy = folder.exists ? `sudo chown ${owner} ${folder.path}` : `sudo install -d -o ${owner} ${folder.path}`;
  return missing(name, `${folder.path} may not be written by ${owner}`, remedy);
}

const overlays: Check = (facts) => {
  if (facts.hypervisor.kind !== "local") return skipped("overlay folder", "guests run elsewhere");
  if (facts.imageMode === "direct") return skipped("overlay folder", "VMs write to their images (image mode direct)");
  return [
    writableFolder("overlay folder", facts.overlayFolder, facts),
    facts.qemuImg ? fine("qemu-img", "found") : missing("qemu-img", "not on the PATH", install(facts, "qemuImg")),
  ];
};

const stateFolder: Check = (facts) => writableFolder("state folder", facts.stateFolder, facts);

const listening: Check = (facts) => {
  const { address, port, failure, isLoopback, hasTokens } = facts.listening;
  const where = `${address}:${port}`;
  const findings: Finding[] = [
    failure === null
      ? fine("port", `${where} is free`)
      : missing("port", `${where}: ${failure}`, `ss -ltnp 'sport = :${port}' (or choose another --port)`),
  ];
  if (!isLoopback && !hasTokens) {
    const found = `${address} is not loopback and there are no tokens: the agent will not start`;
    findings.push(missing("access", found, "headroom token create --help, then set HEADROOM_TOKENS_FILE"));
  }
  return findings;
};

const balloon: Check = (facts) => {
  const { kind, failure, runningGuests, guestsWithoutBalloonStatistics: silent } = facts.hypervisor;
  if (failure !== null) return skipped("balloon", "the hypervisor was not reached");
  if (kind === "fake" || kind === "test") return skipped("balloon", "simulated");
  if (runningGuests === 0) return skipped("balloon", "no guest is running");
  if (silent.length === 0) return fine("balloon", `all ${runningGuests} running guests report their memory`);
  const remedy = `virsh dommemstat ${silent[0]} --period 1 --live (and load virtio_balloon in the guest)`;
  return weak("balloon", `${names(silent)} report no memory statistics`, remedy);
};

const runDelay: Check = (facts) => {
  const { failure, runningGuests, guestsWithoutRunDelay: silent } = facts.hypervisor;
  if (failure !== null || runningGuests === 0) return skipped("waiting time", "no guest is running");
  if (silent.length === 0) return fine("waiting time", "run delay is reported for every vCPU");
  const remedy = "use a kernel with CONFIG_SCHED_INFO and libvirt 7.2 or newer";
  return weak("waiting time", `no run delay for ${names(silent)}`, remedy);
};

const cgroups: Check = (facts) => {
  if (facts.hypervisor.kind !== "local") return skipped("cgroups", "guests run elsewhere");
  const { version, controllers } = facts.cgroups;
  const remedy = asRoot(facts, "mount -t cgroup2 none /sys/fs/cgroup");
  if (version === null) return weak("cgroups", "no cgroup file system is mounted", remedy);
  if (controllers.includes("cpuset")) return fine("cgroups", `v${version} with cpuset`);
  const enable = asRoot(facts, "sh -c 'echo +cpuset > /sys/fs/cgroup/cgroup.subtree_control'");
  return weak("cgroups", `v${version} without the cpuset controller: pins rest on thread affinity alone`, enable);
};

const clock: Check = (facts) => {
  const { synchronized, source } = facts.clock;
  const time = synchronized
    ? fine("clock", "synchronised")
    : weak(
        "clock",
        synchronized === null ? "nothing here says that it is synchronised" : "not synchronised",
        `${install(facts, "clock")}: recordings of several hosts are compared by wall time`,
      );
  const slow = source !== null && !/^(tsc|kvm-clock|arch_sys_counter|hyperv_clocksource_tsc_page|xen)$/.test(source);
  if (!slow) return time;
  return [time, weak("clock source", `${source}: slow to read, statistics cost more`, "dmesg | grep -i tsc")];
};

const isolation: Check = (facts) => {
  if (facts.hypervisor.kind !== "local") return skipped("host pCPUs", "guests run elsewhere");
  const isolated = intersectCpuSets(facts.isolatedPcpus, facts.onlinePcpus);
  const findings: Finding[] = [];
  if (isolated.length > 0) {
    const set = formatCpuSet(isolated);
    const found = `the kernel does not balance threads on isolated pCPUs ${set}: vCPUs pinned to a pool there pile up on one`;
    findings.push(
      weak("isolation", found, `remove isolcpus from the kernel's command line, or set TOPO_EXCLUDE=${set}`),
    );
  }
  if (facts.hostPcpus.length > 0) {
    findings.push(fine("host pCPUs", `${formatCpuSet(facts.hostPcpus)} kept for the host`));
  } else if (facts.onlinePcpus.length > 4) {
    const first = facts.onlinePcpus[0] ?? 0;
    const found = "none is kept for the host itself: its daemons compete with guests";
    findings.push(
      weak("host pCPUs", found, `set HEADROOM_HOST_PCPUS=${first} (and its SMT sibling: headroom topology)`),
    );
  } else {
    findings.push(fine("host pCPUs", "none kept for the host: it has too few to spare one"));
  }
  return findings;
};

const CHECKS: readonly Check[] = [
  hypervisor,
  accelerator,
  qemu,
  imageFolders,
  overlays,
  stateFolder,
  listening,
  cgroups,
  balloon,
  runDelay,
  clock,
  isolation,
];

export const diagnose = (facts: HostFacts): readonly Finding[] => CHECKS.flatMap((check) => check(facts));

/** False when something is missing that the agent cannot do without. */
export const isFit = (findings: readonly Finding[]): boolean =>
  findings.every((finding) => finding.state !== "missing");
