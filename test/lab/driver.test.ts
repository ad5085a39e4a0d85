/** The libvirt driver against real daemons: every way in, a frozen daemon, foreign domains, KVM told from TCG. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { mib, milliseconds } from "../../src/core/units.js";
import { type LibvirtOptions, libvirtHypervisor } from "../../src/drivers/libvirt/driver.js";
import { probeKvm } from "../../src/drivers/libvirt/kvm-probe.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import type { DomainSpec, Hypervisor, HypervisorEvent } from "../../src/ports/hypervisor.js";
import { quietLog, rememberingLog } from "../support/quiet-log.js";
import { eventually } from "./agent-process.js";
import { openLab } from "./lab.js";
import type { LabHost } from "./lab-host.js";

const lab = await openLab();

const specOf = (name: string, change: Partial<DomainSpec> = {}): DomainSpec => ({
  name,
  uuid: "5f0c7a52-1111-4222-8333-944455556666",
  vcpus: 1,
  maximumVcpus: 1,
  memoryMiB: mib(128),
  maximumMemoryMiB: mib(128),
  disk: null,
  pins: [cpuSetOf([0])],
  metadata: { vcpuRatios: [2], perVcpu: false, requestId: "r", image: null, overlay: null },
  ...change,
});

describe("the libvirt driver on a real libvirtd", { skip: lab.skip }, () => {
  let host: LabHost;
  before(async () => {
    if (lab.skip !== false) throw new Error(lab.skip);
    host = await lab.startLibvirtd();
  });
  after(async () => {
    // Also of tests that failed: a connection that stays open keeps the process alive.
    await Promise.all(opened.map((hypervisor) => hypervisor.close()));
    await host?.stop();
  });

  const opened: Hypervisor[] = [];
  const open = (settings: Partial<LibvirtOptions> = {}): Hypervisor => {
    const hypervisor = libvirtHypervisor({ uri: host.uri, log: quietLog(), accelerator: "tcg", ...settings });
    opened.push(hypervisor);
    return hypervisor;
  };
  const driver = (uri = host.uri, times = {}) => open({ uri, templatePath: host.templatePath, times });

  for (const proxy of ["native", "netcat"]) {
    test(`qemu+ssh:// reaches it (${proxy}); ssh itself is played by a script that runs the far command here`, async () => {
      const ssh = join(host.folder, `ssh-${proxy}`);
      // virt-ssh-helper looks for the system's socket: the daemon's private folders are put in its place.
      const here = `unshare --mount sh -c 'mount --make-rprivate /; mount --bind ${host.folder}/run /run/libvirt; exec sh -c "$1"' sh`;
      const netcat = join(host.folder, "nc");
      writeFileSync(netcat, `#!/bin/sh\nexec node ${join(import.meta.dirname, "netcat.mjs")} "$2"\n`, { mode: 0o755 });
      writeFileSync(ssh, `#!/bin/sh\nfor last; do :; done\nexec ${here} "$last"\n`, { mode: 0o755 });
      const query = `command=${ssh}&proxy=${proxy}&netcat=${netcat}&socket=${host.socket}`;
      const hypervisor = driver(`qemu+ssh://ops@elsewhere/system?${query}`);
      await hypervisor.connect();
      const { driverVersion, pcpus } = await hypervisor.host();
      assert.match(driverVersion, /^libvirt \d+\.\d+\.\d+$/);
      assert.ok(pcpus.length > 0);
      await hypervisor.close();
    });
  }

  test("a daemon that freezes is noticed by its silence, and used again when it thaws", async () => {
    const keepAlive = { interval: milliseconds(200), count: 2 };
    const hypervisor = driver(host.uri, { keepAlive, deadline: milliseconds(1500), firstPause: milliseconds(100) });
    const events: HypervisorEvent["kind"][] = [];
    hypervisor.subscribe((event) => events.push(event.kind));
    await hypervisor.connect();
    process.kill(host.daemonPid, "SIGSTOP");
    try {
      await assert.rejects(hypervisor.stats(), { code: /hypervisor-(unreachable|timeout)/ });
      await eventually("the loss is told", async () => events.includes("disconnected"));
    } finally {
      process.kill(host.daemonPid, "SIGCONT");
    }
    await eventually("the return is told", async () => events.includes("reconnected"));
    assert.deepEqual(await hypervisor.stats(), []);
    await hypervisor.close();
  });

  test("a transient domain with an odd name, made by hand, is seen, pinned and balloon-driven like any other", async () => {
    const name = "odd & <name> 'é\" 漢";
    const file = join(host.folder, "odd.xml");
    writeFileSync(
      file,
      `<domain type='qemu'><name>odd &amp; &lt;name&gt; 'é" 漢</name><memory unit='MiB'>64</memory><vcpu>2</vcpu>
        <os><type arch='x86_64'>hvm</type></os><devices/></domain>`,
    );
    const hypervisor = driver();
    await hypervisor.connect();
    await host.virsh("create", file);
    const [stats] = await hypervisor.stats();
    assert.deepEqual([stats?.name, stats?.state, stats?.vcpus.length], [name, "running", 2]);
    await hypervisor.pinVcpu(name, 1, cpuSetOf([0]));
    assert.deepEqual((await hypervisor.pins([name])).get(name)?.[1], [0]);
    assert.equal((await host.witnessPins(name))[1], "0");
    const metadata = specOf("x").metadata!;
    await hypervisor.setMetadata(name, metadata);
    const detail = await hypervisor.detail(name);
    assert.deepEqual([detail?.persistent, detail?.metadata, detail?.memoryMiB], [false, metadata, 64]);
    await hypervisor.destroy(name);
    assert.equal(await hypervisor.detail(name), null);
    await hypervisor.close();
  });

  test("metadata that somebody damaged make a VM foreign, with a word in the log", async () => {
    const log = rememberingLog();
    const hypervisor = open({ log, templatePath: host.templatePath });
    await hypervisor.connect();
    await hypervisor.define(specOf("damaged"));
    await host.virsh("metadata", "damaged", "urn:headroom:vm:1", "--key", "headroom", "--config", "--set", "<vm/>");
    assert.equal((await hypervisor.detail("damaged"))?.metadata, null);
    assert.ok(log.lines.some((line) => line.level === "warn" && /metadata cannot be read/.test(line.message)));
    await hypervisor.undefine("damaged");
    await hypervisor.close();
  });

  test("a resize by redefinition keeps what the operator added by hand, and every address", async () => {
    const hypervisor = driver();
    await hypervisor.connect();
    await hypervisor.define(specOf("kept"));
    const file = join(host.folder, "kept.xml");
    const edited = (await host.virsh("dumpxml", "--inactive", "kept")).replace(
      "<devices>",
      "<devices><interface type='user'><mac address='52:54:00:aa:bb:cc'/><model type='virtio'/></interface>",
    );
    writeFileSync(file, edited);
    await host.virsh("define", file);
    await hypervisor.redefine(specOf("kept", { vcpus: 2, maximumVcpus: 2, pins: [cpuSetOf([0]), cpuSetOf([0])] }));
    const after = await host.virsh("dumpxml", "--inactive", "kept");
    assert.match(after, /52:54:00:aa:bb:cc/);
    assert.match(after, /<vcpu placement='static'>2<\/vcpu>/);
    await hypervisor.undefine("kept");
    await hypervisor.close();
  });

  test("the built-in template is one that libvirt accepts, and its guest starts; when it is reset, that is told", async () => {
    const hypervisor = open();
    await hypervisor.connect();
    await hypervisor.define(specOf("plain"));
    await hypervisor.start("plain");
    assert.equal((await hypervisor.detail("plain"))?.state, "running");
    const rebooted: string[] = [];
    hypervisor.subscribe((event) => event.kind === "rebooted" && rebooted.push(event.uuid));
    await host.virsh("reset", "plain");
    await eventually("the reboot is told", async () => rebooted.length > 0);
    // At least once: firmware that is reset while it starts may reset the guest again.
    assert.deepEqual([...new Set(rebooted)], [specOf("plain").uuid]);
    await hypervisor.destroy("plain");
    await hypervisor.undefine("plain");
    await hypervisor.close();
  });

  test("the KVM probe's program runs to its end on an accelerator that works", async () => {
    const emulator = "/usr/bin/qemu-system-x86_64";
    const tcg = { emulator, clock: realClock(), accelerator: "tcg", deadline: milliseconds(30_000) } as const;
    assert.deepEqual(await probeKvm(tcg), { works: true });
    const hurried = await probeKvm({ ...tcg, deadline: milliseconds(1) });
    assert.match(hurried.works ? "" : hurried.reason, /was not done within/);
    const absent = await probeKvm({ ...tcg, emulator: join(host.folder, "no-qemu") });
    assert.match(absent.works ? "" : absent.reason, /does not start/);
  });
});
