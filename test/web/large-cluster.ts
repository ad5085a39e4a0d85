/**
 * A scheduler of many hosts and VMs in memory, behind the real HTTP application: what the dashboard gets from a large cluster, without its
 * thousand processes. Hosts' use moves and VMs come and go when `stir` is called.
 */
import { mib, milliseconds, pcpus, ratio } from "../../src/core/units.js";
import type { HostStatus } from "../../src/ports/agent-client.js";
import type { ClusterHost, ClusterMove, ClusterMoves, ClusterVm } from "../../src/scheduler/service.js";
import { SchedulerDouble } from "../http-scheduler/scheduler-double.js";
import { CountingAgent } from "../scheduler/counting-agent.js";

/** Small VMs at three ratios, as many as fit, so that each host has a pool of each. */
const SHAPES = [
  [1, 1],
  [2, 2],
  [4, 3],
  [2, 3],
] as const;

export class LargeCluster extends SchedulerDouble {
  readonly #hosts: ClusterHost[] = [];
  readonly #vms: ClusterVm[] = [];
  #turn = 0;

  static async of(hosts: number, vmsEach: number): Promise<LargeCluster> {
    const cluster = new LargeCluster();
    for (let i = 0; i < hosts; i++) await cluster.#add(i, vmsEach);
    cluster.#vms.sort((a, b) => (a.name < b.name ? -1 : 1));
    return cluster;
  }

  async #add(index: number, vmsEach: number): Promise<void> {
    const id = `host-${String(index).padStart(4, "0")}`;
    const agent = new CountingAgent(id);
    for (let i = 0; i < vmsEach; i++) {
      const [vcpus, sold] = SHAPES[i % SHAPES.length]!;
      const wanted = { name: `vm-${index}-${i}`, vcpus, memoryMiB: mib(2048), ratio: ratio(sold), image: null };
      const outcome = await agent.deploy({ ...wanted, requestId: `${index}-${i}`, epoch: 1 });
      if (outcome.kind !== "accepted") break;
      this.#vms.push({
        ...wanted,
        host: id,
        state: "running",
        uuid: outcome.vm.uuid,
        deployedHere: true,
        antiAffinity: null,
        hosts: [id],
        view: null,
      });
    }
    this.#hosts.push({
      id,
      url: agent.url,
      state: index % 97 === 13 ? "down" : "up",
      silence: milliseconds(index % 97 === 13 ? 60_000 : 900),
      cordoned: index % 50 === 7,
      agentCordoned: false,
      draining: false,
      machineId: agent.machineId,
      labels: {},
      vmCount: vmsEach,
      reserved: 0,
      status: withUse(agent.hostReport().status, index),
      clockSkew: null,
      problems: [],
    });
  }

  /** What a second brings: the use of a tenth of the hosts moves, and so many VMs are placed. */
  stir(events: number): void {
    this.#turn += 1;
    for (let i = this.#turn % 10; i < this.#hosts.length; i += 10) {
      const host = this.#hosts[i]!;
      this.#hosts[i] = { ...host, status: withUse(host.status!, i + 7 * this.#turn) };
    }
    for (let i = 0; i < events; i++) this.report("vm-placed", `vm-${(this.#turn * 31 + i) % this.#hosts.length}-0`);
  }

  override moves = (): ClusterMoves => movesBetween("host-0001", "host-0002", "host-0003");
  override hosts = (): readonly ClusterHost[] => this.#hosts;
  override host = (id: string): ClusterHost | null => this.#hosts.find((host) => host.id === id) ?? null;
  override vms = (): readonly ClusterVm[] => this.#vms;
  override vm = (name: string): ClusterVm | null => this.#vms.find((vm) => vm.name === name) ?? null;
}

/** Two moves make room for one VM: one is under way, the other one's turn comes. */
export function movesBetween(from: string, to: string, other: string): ClusterMoves {
  const why = { waiting: "asked", reason: "to make room for asked" };
  const first: ClusterMove = {
    vm: "small",
    from,
    to,
    memoryMiB: mib(2048),
    state: "moving",
    lasts: milliseconds(3_200),
    ...why,
  };
  const second: ClusterMove = { ...first, vm: "next", to: other, state: "planned", lasts: null };
  const [waits, patience] = [milliseconds(4_100), milliseconds(45_000)];
  return {
    items: [second, first],
    waiting: [{ vm: "asked", host: from, moves: 2, made: 0, waits, patience }],
    budget: { perRequest: 2, perHour: 60, begun: 17, planned: 1, nextIn: milliseconds(1_260_000) },
  };
}

/** Some hosts busy, a few suffering. */
function withUse(status: HostStatus, seed: number): HostStatus {
  const part = 0.2 + 0.06 * ((seed * 7919) % 11);
  const isSuffering = seed % 41 === 5;
  const pools = status.pools.map((pool) => ({
    ...pool,
    usagePcpus: pcpus(part * pool.pcpuCount),
    waitPcpus: pcpus(isSuffering ? 0.1 * pool.pcpuCount : 0),
  }));
  const used = pools.reduce((sum, pool) => sum + (pool.usagePcpus ?? 0), 0);
  return { ...status, pools, usage: { ...status.usage, cpuPcpus: pcpus(used), memoryMiB: mib(20_000) } };
}
