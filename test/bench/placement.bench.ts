/**
 * Placements per CPU second, in-process, on a half-full host of 232 pCPUs (two EPYC 7662 without 24 pCPUs, as the seeds'
 * experiments leave out): a VM arrives, a VM chosen at random leaves, each counts as one operation. The seeds did 700
 * (SlackVM) and 346 (SweetSpotVM) on this kind of machine (spec 3); the aim is 50 times that. The last column compares
 * with our own `slackvm` in the same run.
 */
import type { HostState } from "../../src/core/pool/model.js";
import type { PolicyName, PoolPolicy } from "../../src/core/pool/policy.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { excludePcpus } from "../../src/core/topology/exclude.js";
import { indexTopology } from "../../src/core/topology/index-topology.js";
import { presetTopology } from "../../src/core/topology/presets.js";
import { mib, type Ratio, ratio } from "../../src/core/units.js";
import { eventsOf, RATIOS_1_2_3, randomFrom } from "./pool-load.js";
import { printTable } from "./table.js";

const SEED_OPERATIONS = { "per VM": 700, "per vCPU": 346 } as const;
/** Of so many CPU seconds each; the best counts: what else runs on the machine slows a slice, nothing quickens it. */
const SLICES = 5;
const CPU_SECONDS_EACH = 0.3;

const leftOut = [...Array(12).keys()].flatMap((core) => [core, core + 128]);
const topology = indexTopology(excludePcpus(presetTopology("epyc-7662-2s")!, leftOut));
const TEMPLATE: readonly Ratio[] = [1, 1.5, 2.6].map(ratio);

/** VMStack's pools cannot leave their L3 group: its host never becomes half-full. */
const MOST_REFUSALS = 50;

/** Deploys until half of the pCPUs are in pools, or nothing is taken any more. */
function halfFull(policy: PoolPolicy, arrivals: Iterator<Arrival>): { host: HostState; names: string[] } {
  let host = policy.initial(mib(1e9));
  const names: string[] = [];
  let refusals = 0;
  while (policy.freePcpus(host).length > topology.ids.length / 2 && refusals < MOST_REFUSALS) {
    const vm = arrivals.next().value;
    const result = policy.deploy(host, vm);
    refusals = result.ok ? 0 : refusals + 1;
    if (!result.ok) continue;
    host = result.value;
    names.push(vm.name);
  }
  return { host, names };
}

type Arrival = Parameters<PoolPolicy["deploy"]>[1];

/** VMs without end: the same sizes again under new names. */
function* arrivalsFor(perVcpu: boolean): Generator<Arrival, never> {
  const events = eventsOf({
    seed: 1,
    load: 0.5,
    pcpus: topology.ids.length,
    deploys: 5000,
    ratios: RATIOS_1_2_3,
    perVcpu,
    mostVcpus: 16,
  });
  const vms = events.flatMap((event) => (event.op === "deploy" ? [event.vm] : []));
  for (let round = 0; ; round++) for (const vm of vms) yield { ...vm, name: `${vm.name}-${round}` };
}

/** Holds the host at half: below it a VM is deployed, above it (or after a refusal) one leaves. */
function* operationsOn(policy: PoolPolicy, perVcpu: boolean): Generator<void, never> {
  const arrivals = arrivalsFor(perVcpu);
  const random = randomFrom(7);
  let { host, names } = halfFull(policy, arrivals);
  let refused = false;
  for (;;) {
    let held = 0;
    for (const pool of host.pools) held += pool.pcpus.length;
    if ((held <= topology.ids.length / 2 && !refused) || names.length === 0) {
      const vm = arrivals.next().value;
      const result = policy.deploy(host, vm);
      refused = !result.ok;
      if (result.ok) {
        host = result.value;
        names.push(vm.name);
      }
    } else {
      const at = Math.floor(random() * names.length);
      const result = policy.remove(host, names[at]!);
      if (!result.ok) throw new Error(result.refusal.reason);
      host = result.value;
      refused = false;
      names[at] = names[names.length - 1]!;
      names.pop();
    }
    yield;
  }
}

function operationsPerCpuSecond(policy: PoolPolicy, perVcpu: boolean): number {
  const operations = operationsOn(policy, perVcpu);
  let best = 0;
  for (let slice = 0; slice < SLICES; slice++) {
    const started = process.cpuUsage();
    let done = 0;
    let spent = 0;
    while (spent < CPU_SECONDS_EACH) {
      for (let i = 0; i < 200; i++) operations.next();
      done += 200;
      const { user, system } = process.cpuUsage(started);
      spent = (user + system) / 1e6;
    }
    best = Math.max(best, done / spent);
  }
  return best;
}

const runs: readonly (readonly [PolicyName, "per VM" | "per vCPU"])[] = [
  ["slackvm", "per VM"],
  ["vmstack", "per VM"],
  ["sweetspotvm", "per vCPU"],
  ["headroom", "per VM"],
  ["headroom", "per vCPU"],
];

let baseline = 0;
const rows = runs.map(([name, form]) => {
  const template = form === "per vCPU" ? TEMPLATE : null;
  const policy = createPolicy(name, { topology, criticalSize: 0, template, hostPcpus: [] });
  const speed = operationsPerCpuSecond(policy, form === "per vCPU");
  if (name === "slackvm") baseline = speed;
  return [
    name,
    form,
    speed.toFixed(0),
    `${(speed / SEED_OPERATIONS[form]).toFixed(0)} x`,
    `${(speed / baseline).toFixed(2)} x`,
  ];
});
console.log(`${topology.ids.length} pCPUs, half of them in pools`);
printTable(["policy", "ratios", "operations per CPU second", "to the seeds", "to slackvm here"], rows);
