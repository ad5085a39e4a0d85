/**
 * The agent on a real libvirtd with real QEMU guests, through its HTTP interface, with virsh as the outside witness.
 *
 * Pools of different ratios have different pCPUs, so six guests at ratios 1, 2 and 3 need three of them at once. Pins are real
 * here, so a machine with two takes them in two steps: 1 and 3 first; then the VM with ratio 1 goes and 2 and 3 share the host.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { AgentProcess, eventually } from "./agent-process.js";
import { openLab } from "./lab.js";
import type { LabHost } from "./lab-host.js";
import {
  assertHostInOrder,
  assertPinnedAsPlanned,
  deploy,
  eventuallyPinnedAsPlanned,
  GUEST_MIB,
  type Wanted,
} from "./witness.js";

const lab = await openLab();
const pcpuCount = cpus().length;
const tooSmall = pcpuCount < 2 ? "two pCPUs are needed" : false;

const AT_1: readonly Wanted[] = [{ name: "one", ratio: 1 }];
const AT_2: readonly Wanted[] = [
  { name: "two-a", ratio: 2 },
  { name: "two-b", ratio: 2 },
];
const AT_3: readonly Wanted[] = [
  { name: "three-a", ratio: 3 },
  { name: "three-b", ratio: 3 },
  { name: "three-c", ratio: 3 },
];

describe("an agent with real guests", { skip: lab.skip || tooSmall }, () => {
  let host: LabHost;
  let agent: AgentProcess;
  before(async () => {
    if (lab.skip !== false) throw new Error(lab.skip);
    host = await lab.startLibvirtd();
    agent = await AgentProcess.start(host);
  });
  after(() => host?.stop());

  const poolOf = async (ratio: number) => {
    const pool = (await agent.client.pools()).find((one) => one.ratio === ratio);
    assert.ok(pool, `there is no pool ${ratio}`);
    return pool;
  };

  test(`six guests with ratios 1, 2 and 3 are pinned as planned, and virsh says so (${pcpuCount} pCPUs)`, async () => {
    for (const wanted of [...AT_1, ...AT_3]) await deploy(agent, wanted);
    await assertPinnedAsPlanned(agent, host);
    await assertHostInOrder(agent, host);
    assert.deepEqual([...(await poolOf(3)).vms].sort(), ["three-a", "three-b", "three-c"]);
    assert.notEqual((await poolOf(1)).pcpus, (await poolOf(3)).pcpus);
    if (pcpuCount < 3) await agent.client.removeVm("one");
    for (const wanted of AT_2) await deploy(agent, wanted);
    await eventuallyPinnedAsPlanned(agent, host);
    await assertHostInOrder(agent, host);
    assert.equal((await poolOf(2)).allocatedVcpus, 2);
    assert.equal((await agent.client.vms()).length, pcpuCount < 3 ? 5 : 6);
  });

  test("the guests have booted where they were put, and their use is measured", async () => {
    for (const { name } of [...AT_2, ...AT_3]) assert.equal(await host.guestCommand(name, "burn 20"), "ok");
    await eventually("CPU, waiting time and memory of every VM are measured", async () => {
      const vms = await agent.client.vms();
      return vms.every(({ usage }) => (usage.cpuPcpus ?? 0) > 0.02 && usage.waitPcpus !== null && usage.memoryMiB);
    });
    for (const { name } of [...AT_2, ...AT_3]) await host.guestCommand(name, "burn 0");
  });

  test("what does not fit is refused, and neither the plan nor libvirt changes", async () => {
    const before = await agent.client.pools();
    const wanted = { name: "too-much", ratio: 1, vcpus: pcpuCount };
    await assert.rejects(deploy(agent, wanted), { code: "no-cpu-capacity" });
    assert.deepEqual(
      (await agent.client.pools()).map((pool) => [pool.ratio, pool.pcpus, pool.vms]),
      before.map((pool) => [pool.ratio, pool.pcpus, pool.vms]),
    );
    await assertHostInOrder(agent, host);
  });

  test("a pin that somebody changed by hand is put back", async () => {
    const [planned = ""] = (await agent.client.vm("two-a")).pins;
    const everywhere = `0-${pcpuCount - 1}`;
    assert.notEqual(planned, everywhere);
    const repairs = async () =>
      Number(
        /^headroom_agent_repaired_pins_total (\d+)/m.exec(await (await fetch(`${agent.url}/metrics`)).text())?.[1],
      );
    const before = await repairs();
    await host.virsh("vcpupin", "two-a", "0", everywhere);
    // The next tick may come before a second virsh could look: that there was something to repair, the agent's count tells.
    await eventually("the repair is counted", async () => (await repairs()) > before);
    await eventually("the pin is as planned again", async () => (await host.witnessPins("two-a"))[0] === planned);
  });

  test("memory moves by the balloon, down and up again, while the guest runs", async () => {
    const inVirsh = async () => /actual (\d+)/.exec(await host.virsh("dommemstat", "two-b"))?.[1];
    await host.guestCommand("two-b", "stat");
    const smaller = await agent.client.resizeVm("two-b", { memoryMiB: GUEST_MIB - 16 });
    assert.equal(smaller.memoryMiB, GUEST_MIB - 16);
    const down = String((GUEST_MIB - 16) * 1024);
    await eventually("the guest has given memory back", async () => (await inVirsh()) === down);
    await agent.client.resizeVm("two-b", { memoryMiB: GUEST_MIB });
    await eventually("the guest has its memory again", async () => (await inVirsh()) === String(GUEST_MIB * 1024));
  });

  test("a VM started with virsh is adopted, and its room is counted", async () => {
    await agent.client.removeVm("two-a");
    await agent.client.removeVm("two-b");
    const xml = (await host.virsh("dumpxml", "three-a", "--inactive"))
      .replace("<name>three-a</name>", "<name>by hand</name>")
      .replace(/<uuid>.*<\/uuid>|<metadata>[\s\S]*<\/metadata>|<cputune>[\s\S]*<\/cputune>/g, "")
      .replaceAll("three-a.", "by-hand.");
    const file = join(host.folder, "by-hand.xml");
    writeFileSync(file, xml);
    await host.virsh("create", file);
    const adopted = await eventually("the agent shows it running", async () => {
      const vms = await agent.client.vms();
      // While libvirt starts it, it is paused.
      return vms.find((vm) => vm.name === "by hand" && vm.state === "running") ?? null;
    });
    assert.deepEqual([adopted.deployedHere, adopted.ratio], [false, 1]);
    await eventuallyPinnedAsPlanned(agent, host);
    assert.deepEqual((await poolOf(1)).vms, pcpuCount < 3 ? ["by hand"] : ["one", "by hand"]);
    await host.virsh("destroy", "by hand");
    await eventually("it is forgotten again", async () =>
      (await agent.client.vms()).every((vm) => vm.name !== "by hand"),
    );
  });

  test("when a guest's QEMU dies, its room is free again and its VM is told apart", async () => {
    const pid = host.guestPids().get("three-c");
    assert.ok(pid !== undefined);
    const before = (await poolOf(3)).allocatedVcpus;
    process.kill(pid, "SIGKILL");
    await eventually("pool 3 is smaller", async () => (await poolOf(3)).allocatedVcpus === before - 1);
    const left = (await agent.client.vms()).find((vm) => vm.name === "three-c");
    assert.ok(left === undefined || left.state === "stopped", `three-c is ${left?.state}`);
    await agent.client.removeVm("three-c");
    await assertHostInOrder(agent, host);
  });

  test("a VM with an image gets a copy-on-write disk of its own, which goes with it", async () => {
    const image = join(host.folder, "images", "base.qcow2");
    execFileSync("qemu-img", ["create", "-q", "-f", "qcow2", image, "8M"]);
    const vm = { name: "with-disk", vcpus: 1, memoryMiB: GUEST_MIB, ratio: 3, image };
    await agent.client.createVm(vm);
    const [overlay = ""] = readdirSync(join(host.folder, "overlays"));
    const path = join(host.folder, "overlays", overlay);
    assert.match(await host.virsh("domblklist", "with-disk"), new RegExp(`vda +${path}`));
    const info = execFileSync("qemu-img", ["info", "-U", "--output=json", path], { encoding: "utf8" });
    assert.equal(JSON.parse(info)["backing-filename"], image);
    await agent.client.removeVm("with-disk");
    assert.deepEqual(readdirSync(join(host.folder, "overlays")), []);
    assert.ok(existsSync(image));
  });

  test("SIGTERM ends the agent in order; its guests run on, and the next agent finds them as they were", async () => {
    const before = await agent.client.vms();
    const pids = host.guestPids();
    assert.equal(await agent.end("SIGTERM"), 0, agent.log);
    assert.deepEqual(host.guestPids(), pids);
    agent = await AgentProcess.start(host);
    const view = (vms: typeof before) => vms.map(({ usage: _, ...rest }) => rest);
    assert.deepEqual(view(await agent.client.vms()), view(before));
    await assertPinnedAsPlanned(agent, host);
    await assertHostInOrder(agent, host);
  });
});
