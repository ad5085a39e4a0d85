/** The doctor's findings over written-down hosts: what is missing, what is weak, and that each has a remedy. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findingsText } from "../../src/cli/commands/doctor.js";
import { diagnose, type Finding, isFit } from "../../src/cli/doctor/checks.js";
import type { HostFacts } from "../../src/cli/doctor/facts.js";
import { hypervisorKind } from "../../src/cli/host/hypervisor-kind.js";
import { plainPaint } from "../../src/cli/terminal.js";
import { parseCpuSet } from "../../src/core/cpuset.js";

const folder = (path: string) => ({ path, exists: true, readable: true, writable: true });

/** A Debian server where everything is as it should be. */
const HEALTHY: HostFacts = {
  packageManager: "apt",
  user: { name: "operator", isRoot: false },
  hypervisor: {
    uri: "qemu:///system",
    kind: "local",
    failure: null,
    accelerator: "kvm",
    version: "libvirt 9.0.0, QEMU 7.2.0",
    runningGuests: 2,
    guestsWithoutBalloonStatistics: [],
    guestsWithoutRunDelay: [],
  },
  libvirtInstalled: true,
  hasSystemd: true,
  wantedAccelerator: "auto",
  kvm: { exists: true, usable: true },
  qemuImg: true,
  qemuSystem: true,
  imageMode: "overlay",
  imageFolders: [folder("/var/lib/libvirt/images")],
  overlayFolder: folder("/var/lib/headroom/overlays"),
  stateFolder: folder("/var/lib/headroom"),
  listening: { address: "127.0.0.1", port: 8099, failure: null, isLoopback: true, hasTokens: false },
  cgroups: { version: 2, controllers: ["cpuset", "cpu"] },
  clock: { synchronized: true, source: "tsc" },
  isolatedPcpus: parseCpuSet(""),
  hostPcpus: parseCpuSet("0,64"),
  onlinePcpus: parseCpuSet("0-127"),
};

const host = (changes: Partial<HostFacts>): HostFacts => ({ ...HEALTHY, ...changes });
const hypervisor = (changes: Partial<HostFacts["hypervisor"]>): HostFacts =>
  host({ hypervisor: { ...HEALTHY.hypervisor, ...changes } });

test("a healthy host is ready, and nothing is advised", () => {
  const findings = diagnose(HEALTHY);
  assert.ok(isFit(findings));
  assert.deepEqual(
    findings.filter((finding) => finding.remedy !== null),
    [],
  );
});

type Case = readonly [promise: string, facts: HostFacts, name: string, state: Finding["state"], remedy: RegExp];

const LACKING: readonly Case[] = [
  [
    "no libvirt: the package and the service",
    { ...hypervisor({ failure: "no socket" }), libvirtInstalled: false },
    "hypervisor",
    "missing",
    /sudo apt-get install -y libvirt-daemon-system libvirt-clients && sudo systemctl enable --now libvirtd/,
  ],
  [
    "libvirt installed and not running: the service alone",
    hypervisor({ failure: "no socket" }),
    "hypervisor",
    "missing",
    /^sudo systemctl enable --now libvirtd$/,
  ],
  [
    "no systemd to start it with",
    { ...hypervisor({ failure: "no socket" }), hasSystemd: false },
    "hypervisor",
    "missing",
    /^sudo libvirtd -d$/,
  ],
  [
    "kvm there, and libvirt without it",
    hypervisor({ accelerator: "qemu" }),
    "accelerator",
    "weak",
    /virt-host-validate/,
  ],
  [
    "not allowed to talk to libvirt: the group",
    hypervisor({ failure: "Permission denied" }),
    "hypervisor",
    "missing",
    /usermod -aG libvirt operator/,
  ],
  [
    "kvm wanted and not there",
    host({ wantedAccelerator: "kvm", kvm: { exists: false, usable: false } }),
    "accelerator",
    "missing",
    /modprobe kvm_intel/,
  ],
  ["kvm not there, TCG will do", host({ kvm: { exists: false, usable: false } }), "accelerator", "weak", /modprobe/],
  [
    "kvm there, and not for this user",
    host({ kvm: { exists: true, usable: false } }),
    "accelerator",
    "weak",
    /-aG kvm/,
  ],
  ["no QEMU", host({ qemuSystem: false }), "qemu", "missing", /qemu-system-x86/],
  ["no qemu-img", host({ qemuImg: false }), "qemu-img", "missing", /qemu-utils/],
  [
    "an image folder that is not there",
    host({ imageFolders: [{ ...folder("/srv/images"), exists: false }] }),
    "image folder",
    "missing",
    /mkdir -p \/srv\/images/,
  ],
  [
    "an image folder that may not be read",
    host({ imageFolders: [{ ...folder("/srv/images"), readable: false }] }),
    "image folder",
    "missing",
    /setfacl -m u:operator:rx/,
  ],
  [
    "an overlay folder that may not be written",
    host({ overlayFolder: { ...folder("/var/lib/headroom/overlays"), writable: false } }),
    "overlay folder",
    "missing",
    /chown operator/,
  ],
  [
    "a state folder that cannot be made",
    host({ stateFolder: { path: "/var/lib/headroom", exists: false, readable: false, writable: false } }),
    "state folder",
    "missing",
    /install -d -o operator \/var\/lib\/headroom/,
  ],
  [
    "a port in use",
    host({ listening: { ...HEALTHY.listening, failure: "something listens there already" } }),
    "port",
    "missing",
    /ss -ltnp/,
  ],
  [
    "open to the network without tokens",
    host({ listening: { ...HEALTHY.listening, address: "0.0.0.0", isLoopback: false } }),
    "access",
    "missing",
    /headroom token create/,
  ],
  ["no cpuset controller", host({ cgroups: { version: 2, controllers: ["memory"] } }), "cgroups", "weak", /\+cpuset/],
  ["no cgroups at all", host({ cgroups: { version: null, controllers: [] } }), "cgroups", "weak", /mount -t cgroup2/],
  [
    "guests without balloon statistics",
    hypervisor({ guestsWithoutBalloonStatistics: ["web"] }),
    "balloon",
    "weak",
    /virsh dommemstat web --period 1/,
  ],
  ["a clock that drifts", host({ clock: { synchronized: false, source: "tsc" } }), "clock", "weak", /chrony/],
  ["a slow clock source", host({ clock: { synchronized: true, source: "hpet" } }), "clock source", "weak", /tsc/],
  [
    "isolated pCPUs, on which pinned vCPUs pile up",
    host({ isolatedPcpus: parseCpuSet("4-7") }),
    "isolation",
    "weak",
    /TOPO_EXCLUDE=4-7/,
  ],
  ["nothing kept for the host", host({ hostPcpus: parseCpuSet("") }), "host pCPUs", "weak", /HEADROOM_HOST_PCPUS=0/],
];

describe("what a host lacks is named, with the command that mends it", () => {
  for (const [promise, facts, name, state, remedy] of LACKING) {
    test(promise, () => {
      const findings = diagnose(facts);
      const finding = findings.find((candidate) => candidate.name === name);
      assert.equal(finding?.state, state, JSON.stringify(finding));
      assert.match(finding?.remedy ?? "", remedy);
      assert.equal(isFit(findings), state !== "missing");
    });
  }
});

test("root is not told to use sudo", () => {
  const findings = diagnose(host({ user: { name: "root", isRoot: true }, qemuImg: false }));
  assert.equal(findings.find((finding) => finding.name === "qemu-img")?.remedy, "apt-get install -y qemu-utils");
});

test("an unknown package manager gets words, not a command that does not exist", () => {
  const findings = diagnose(host({ packageManager: null, qemuImg: false }));
  assert.match(
    findings.find((finding) => finding.name === "qemu-img")?.remedy ?? "",
    /install the package that brings/,
  );
});

test("a simulated host needs neither QEMU nor folders of images", () => {
  const facts = hypervisor({ uri: "fake:///epyc-7662-2s", kind: "fake", accelerator: "fake" });
  const findings = diagnose({ ...facts, qemuSystem: false, qemuImg: false, imageFolders: [] });
  assert.ok(isFit(findings), JSON.stringify(findings));
});

test("the text names every finding and ends with a verdict", () => {
  const text = findingsText(diagnose(host({ qemuImg: false })), plainPaint);
  assert.match(text, /✗ qemu-img +not on the PATH/);
  assert.match(text, /Not ready: 1 thing missing\.\n$/);
});

test("a hypervisor's URI tells whether its host is this machine", () => {
  assert.equal(hypervisorKind("qemu:///system"), "local");
  assert.equal(hypervisorKind("qemu+unix:///system?socket=/run/x"), "local");
  assert.equal(hypervisorKind("qemu+tcp://127.0.77.1/system"), "local");
  assert.equal(hypervisorKind("qemu+ssh://root@host-7/system"), "remote");
  assert.equal(hypervisorKind("fake:///epyc-7662-2s?speed=60"), "fake");
});
