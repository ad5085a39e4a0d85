/**
 * SlackVM's progress taken as argmax: the host whose memory per used pCPU the VM moves most towards the host's own ratio, the
 * first of equals. `paper` is the local scheduler's formula; `javaArgmax` is what the published simulator's code meant, with
 * integer divisions and without the candidate's memory. In its published form a comparison with itself makes it first fit.
 */
import { BestHosts } from "../best-hosts.js";
import type { Hosts } from "../hosts.js";
import type { Policy } from "../run.js";

type Progress = (hosts: Hosts, host: number, usedThen: number, memoryMiB: number) => number;

const argmax = (progress: Progress): Policy => ({
  begin(vms, hosts) {
    const { level, vcpus, memoryMiB } = vms.needs;
    const best = new BestHosts(vms, hosts, (need, host) =>
      progress(hosts, host, hosts.usedWith(host, level[need]!, vcpus[need]!), memoryMiB[need]!),
    );
    return (vm) => best.best(vms.need[vm]!);
  },
});

export const paper: Policy = argmax((hosts, host, usedThen, memoryMiB) => {
  const { pcpus, memoryMiB: capacity } = hosts.shape;
  const optimal = capacity / pcpus;
  const used = hosts.usedPcpus[host]!;
  const memory = hosts.usedMemoryMiB[host]!;
  const before = used === 0 ? optimal : memory / used;
  const after = (memory + memoryMiB) / usedThen;
  const progress = Math.abs(before - optimal) - Math.abs(after - optimal);
  return progress < 0 ? progress * (1 + used / pcpus) : progress;
});

export const javaArgmax: Policy = argmax((hosts, host, usedThen) => {
  const { pcpus, memoryMiB: capacity } = hosts.shape;
  const optimal = Math.trunc(capacity / pcpus);
  const used = hosts.usedPcpus[host]!;
  const memory = hosts.usedMemoryMiB[host]!;
  const before = used === 0 ? optimal : Math.trunc(memory / used);
  // A host without memory in use stands at its optimum, also when the VM's vCPUs are counted already.
  const after = memory === 0 ? optimal : Math.trunc(memory / usedThen);
  const progress = Math.abs(before - optimal) - Math.abs(after - optimal);
  return progress < 0 ? progress + Math.floor(used / pcpus) : progress;
});
