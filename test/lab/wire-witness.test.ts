/**
 * Are the procedure numbers right? virsh is made to call each procedure over a proxy that reads along: what it sends is what
 * libvirt itself means. Synthetic domains of the test driver; only the steps of a migration take a real guest.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { mib } from "../../src/core/units.js";
import { libvirtHypervisor } from "../../src/drivers/libvirt/driver.js";
import { FrameSplitter } from "../../src/drivers/libvirt/frame.js";
import { PROCEDURE, type ProcedureName, REMOTE_PROGRAM } from "../../src/drivers/libvirt/procedures.js";
import type { Hypervisor } from "../../src/ports/hypervisor.js";
import { quietLog } from "../support/quiet-log.js";
import { openLab } from "./lab.js";
import type { LabHost } from "./lab-host.js";

const lab = await openLab();
const run = promisify(execFile);

const GUEST_MIB = mib(112);
const UUID = "6695eb01-f6a4-8304-79aa-97f2502e193f";

/** What is typed, and the procedures that it must call among others. `test` is a running domain of the test driver. */
const WITNESSED: readonly (readonly [command: string, ...procedures: ProcedureName[]])[] = [
  ["list", "authList", "connectSupportsFeature", "connectOpen", "connectClose"],
  ["version --daemon", "connectGetType", "connectGetVersion", "connectGetLibVersion"],
  ["hostname", "connectGetHostname"],
  ["nodeinfo", "nodeGetInfo"],
  ["nodecpumap", "nodeGetCpuMap"],
  ["nodememstats", "nodeGetMemoryStats"],
  ["capabilities", "connectGetCapabilities"],
  ["domstats --state", "connectGetAllDomainStats"],
  ["domstate test", "domainLookupByName", "domainGetState"],
  [`domname ${UUID}`, "domainLookupByUuid"],
  ["dominfo test", "domainIsPersistent"],
  ["dumpxml test", "domainGetXmlDesc"],
  ["vcpupin test", "domainGetVcpusFlags", "domainGetVcpuPinInfo"],
  ["vcpuinfo test", "domainGetVcpus"],
  ["vcpupin test 0 1", "domainPinVcpu"],
  ["vcpupin test 0 1 --live", "domainPinVcpuFlags"],
  ["setvcpus test 1 --live", "domainSetVcpusFlags"],
  ["setmem test 500000 --live", "domainSetMemoryFlags"],
  ["dommemstat test --period 2", "domainSetMemoryStatsPeriod"],
  ["metadata test urn:x --key k --set <a/>", "domainSetMetadata"],
  ["event --event lifecycle --timeout 1", "domainEventCallbackRegisterAny"],
  ["resume test", "domainResume"],
  ["domjobabort test", "domainAbortJob"],
  ["shutdown test", "domainShutdown", "domainEventCallbackLifecycle"],
  ["start test", "domainCreate"],
  ["destroy test", "domainDestroy"],
  ["undefine test", "domainUndefineFlags"],
  ["define FILE", "domainDefineXml"],
];
/** What the test driver does not tell of its domains. */
const REBOOT: readonly ProcedureName[] = ["domainEventCallbackReboot"];
/** The steps of a migration, which virsh makes as Headroom does when it is not to leave them to the daemons. */
const MIGRATION: readonly ProcedureName[] = [
  "domainMigrateBegin3Params",
  "domainMigratePrepare3Params",
  "domainMigratePerform3Params",
  "domainMigrateFinish3Params",
  "domainMigrateConfirm3Params",
];
/** Asked only of daemons that leave the decision to polkit; none here does. */
const NOT_WITNESSED: readonly ProcedureName[] = ["authPolkit"];

describe("the numbers of libvirt's procedures", { skip: lab.skip }, () => {
  let host: LabHost;
  let proxy: Server;
  let keeper: Hypervisor;
  const seen = new Set<number>();
  before(async () => {
    if (lab.skip !== false) throw new Error(lab.skip);
    host = await lab.startLibvirtd();
    proxy = createServer((client) => {
      const daemon = connect(host.socket);
      for (const [from, to] of [[client, daemon] as const, [daemon, client] as const]) {
        const splitter = new FrameSplitter();
        from.on("data", (chunk: Buffer) => {
          for (const frame of splitter.push(chunk)) if (frame.program === REMOTE_PROGRAM) seen.add(frame.procedure);
          to.write(chunk);
        });
        from.on("close", () => to.destroy());
        from.on("error", () => to.destroy());
      }
    }).listen(join(host.folder, "proxy"));
    // The test driver forgets its domains when its last connection closes.
    keeper = libvirtHypervisor({ uri: host.testUri, log: quietLog() });
    await keeper.connect();
    const xml = "<domain type='test'><name>made</name><memory>8192</memory><os><type>hvm</type></os></domain>";
    writeFileSync(join(host.folder, "made.xml"), xml);
  });
  after(async () => {
    await keeper?.close();
    proxy?.close();
    await host?.stop();
  });

  for (const [command, ...procedures] of WITNESSED) {
    test(`virsh ${command} calls ${procedures.join(", ")}`, async () => {
      seen.clear();
      const words = command.split(" ").map((word) => (word === "FILE" ? join(host.folder, "made.xml") : word));
      const asked = procedures.includes("domainEventCallbackLifecycle")
        ? virshWatching("lifecycle", uri(), words)
        : virsh(words);
      await asked;
      for (const name of procedures) {
        assert.ok(seen.has(PROCEDURE[name]), `${name} is not ${PROCEDURE[name]}: virsh used ${[...seen].join(", ")}`);
      }
    });
  }

  test("a real guest that is reset is told of by the event of reboots", async () => {
    const file = join(host.folder, "again.xml");
    const body = "<memory unit='MiB'>64</memory><os><type arch='x86_64'>hvm</type></os><devices/>";
    writeFileSync(file, `<domain type='qemu'><name>again</name>${body}</domain>`);
    await host.virsh("create", file);
    seen.clear();
    await virshWatching("reboot", proxiedUri(), ["reset", "again"]);
    await host.virsh("destroy", "again");
    for (const name of REBOOT) assert.ok(seen.has(PROCEDURE[name]), `${name} is not ${PROCEDURE[name]}`);
  });

  test("virsh migrate calls the five steps of a migration", async () => {
    if (lab.skip !== false) throw new Error(lab.skip);
    const neighbour = await lab.startLibvirtd();
    const real = libvirtHypervisor({
      uri: host.uri,
      log: quietLog(),
      accelerator: "tcg",
      templatePath: host.templatePath,
    });
    try {
      await real.connect();
      const size = { vcpus: 1, maximumVcpus: 1, memoryMiB: GUEST_MIB, maximumMemoryMiB: GUEST_MIB };
      const metadata = { vcpuRatios: [1], perVcpu: false, requestId: "witness", image: null, overlay: null };
      await real.define({ name: "walker", uuid: UUID, ...size, disk: null, pins: [cpuSetOf([0])], metadata });
      await real.start("walker");
      seen.clear();
      const proxied = proxiedUri();
      const words = ["migrate", "--live", "walker", neighbour.tcpUri, "tcp://127.0.0.1"];
      const there = () => neighbour.virsh("list", "--name");
      await run("virsh", ["-q", "-c", proxied, ...words], { timeout: 60_000 });
      assert.equal(await there(), "walker");
      // Two of the steps are the destination's; what virsh asks of it is seen when the guest comes back.
      const back = ["migrate", "--live", "walker", proxied, "tcp://127.0.0.1"];
      await run("virsh", ["-q", "-c", neighbour.uri, ...back], { timeout: 60_000 });
      for (const name of MIGRATION) assert.ok(seen.has(PROCEDURE[name]), `${name} is not ${PROCEDURE[name]}`);
    } finally {
      await real.close();
      await neighbour.stop();
    }
  });

  const proxiedUri = () => `qemu+unix:///system?socket=${join(host.folder, "proxy")}`;
  const uri = () => `test+unix:///default?socket=${join(host.folder, "proxy")}`;
  /** Some of these fail in the test driver; that the call was made is all that counts. */
  const virsh = (words: readonly string[], at = uri()) =>
    run("virsh", ["-q", "-c", at, ...words], { timeout: 20_000 }).catch(() => null);
  const virshWatching = async (kind: string, at: string, words: readonly string[]) => {
    const watching = virsh(["event", "--event", kind, "--timeout", "3"], at);
    const registered = async () => seen.has(PROCEDURE.domainEventCallbackRegisterAny);
    for (let tries = 0; tries < 200 && !(await registered()); tries++) await new Promise((go) => setTimeout(go, 10));
    await virsh(words, at);
    await watching;
  };

  test("no number is used that no witness has confirmed", () => {
    const confirmed = new Set([
      ...WITNESSED.flatMap(([, ...procedures]) => procedures),
      ...REBOOT,
      ...MIGRATION,
      ...NOT_WITNESSED,
    ]);
    const open = Object.keys(PROCEDURE).filter((name) => !confirmed.has(name as ProcedureName));
    assert.deepEqual(open, []);
  });
});
