/**
 * The agent and libvirtd die at the worst moments, with real guests: whatever was under way, afterwards no VM is lost, none is
 * there twice or without its agent knowing, and every pin is as planned. The moments are dealt from a seed that is printed.
 */
import assert from "node:assert/strict";
import { cpus } from "node:os";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { AgentProcess, eventually } from "./agent-process.js";
import { openLab } from "./lab.js";
import type { LabHost } from "./lab-host.js";
import { assertHostInOrder, deploy, domainNames, eventuallyPinnedAsPlanned } from "./witness.js";

const lab = await openLab();
const tooSmall = cpus().length < 2 ? "two pCPUs are needed" : false;
const seed = Date.now() % 100_000;
const ROUNDS = 6;

/** A fraction from 0 to 1 for each round: one moment in each sixth of a deploy, where in it by chance (mulberry32). */
function moments(): readonly number[] {
  let state = seed;
  const random = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return Array.from({ length: ROUNDS }, (_, round) => (round + random()) / ROUNDS);
}

describe("an agent that is killed, and a libvirtd that is restarted, under real guests", {
  skip: lab.skip || tooSmall,
}, () => {
  let host: LabHost;
  let agent: AgentProcess;
  let deployMs = 0;
  before(async () => {
    if (lab.skip !== false) throw new Error(lab.skip);
    host = await lab.startLibvirtd();
    agent = await AgentProcess.start(host);
    await deploy(agent, { name: "old-2", ratio: 2 });
    const started = performance.now();
    await deploy(agent, { name: "old-3", ratio: 3 });
    deployMs = performance.now() - started;
  });
  after(() => host?.stop());

  for (const [round, moment] of moments().entries()) {
    const share = `${Math.round(moment * 100)} %`;
    test(`killed ${share} into a deploy, the next agent has all VMs or none of it (seed ${seed})`, async () => {
      const pids = host.guestPids();
      const name = `new-${round}`;
      const answer = deploy(agent, { name, ratio: 2 + (round % 2) }).then(
        () => true,
        () => false,
      );
      await sleep(moment * deployMs);
      await agent.end("SIGKILL");
      const wasAnswered = await answer;

      agent = await AgentProcess.start(host);
      await eventuallyPinnedAsPlanned(agent, host);
      await assertHostInOrder(agent, host);
      const names = await domainNames(host);
      for (const old of ["old-2", "old-3"]) {
        assert.ok(names.includes(old), `${old} is lost`);
        assert.equal(host.guestPids().get(old), pids.get(old), `${old} is another process`);
      }
      if (wasAnswered) assert.ok(names.includes(name), "a VM that its client heard of is lost");
      if (names.includes(name)) await agent.client.removeVm(name);
      assert.deepEqual(await domainNames(host), ["old-2", "old-3"]);
      await deploy(agent, { name, ratio: 2 + (round % 2) });
      await agent.client.removeVm(name);
    });
  }

  test("killed in the middle of a removal, the VM is gone or as it was", async () => {
    await deploy(agent, { name: "leaving", ratio: 3 });
    const answer = agent.client.removeVm("leaving").catch(() => null);
    await sleep(30);
    await agent.end("SIGKILL");
    await answer;
    agent = await AgentProcess.start(host);
    await eventuallyPinnedAsPlanned(agent, host);
    await assertHostInOrder(agent, host);
    if ((await domainNames(host)).includes("leaving")) await agent.client.removeVm("leaving");
    assert.deepEqual(await domainNames(host), ["old-2", "old-3"]);
  });

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    test(`libvirtd is restarted (${signal}) under the agent: guests run on, and the agent goes on with them`, async () => {
      const pids = host.guestPids();
      await host.restart(signal);
      await eventually("the agent is connected again", async () => {
        const [view] = await agent.client.hosts();
        return view?.hypervisor.connected;
      });
      assert.deepEqual(host.guestPids(), pids);
      await eventuallyPinnedAsPlanned(agent, host);
      const everywhere = `0-${cpus().length - 1}`;
      await host.virsh("vcpupin", "old-2", "0", everywhere);
      await eventuallyPinnedAsPlanned(agent, host);
      await deploy(agent, { name: "after", ratio: 3 });
      await assertHostInOrder(agent, host);
      await agent.client.removeVm("after");
    });
  }

  test("a request while libvirtd is away is refused as such, and changes nothing", async () => {
    await host.stopDaemon();
    await eventually("the agent has noticed", async () => {
      const [view] = await agent.client.hosts();
      return view?.hypervisor.connected === false;
    });
    await assert.rejects(deploy(agent, { name: "early", ratio: 3 }), { code: "hypervisor-unreachable" });
    await host.startDaemon();
    await eventually("the agent is connected again", async () => {
      const [view] = await agent.client.hosts();
      return view?.hypervisor.connected;
    });
    await eventuallyPinnedAsPlanned(agent, host);
    assert.deepEqual(await domainNames(host), ["old-2", "old-3"]);
    await assertHostInOrder(agent, host);
  });
});
