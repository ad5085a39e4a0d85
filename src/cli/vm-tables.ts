/** VMs as tables for people: of a host with pins and usage, of a cluster with the host of each. */

import Table from "cli-table3";
import { plural } from "../core/plural.js";
import type { AnyVm } from "../http/client.js";
import type { ClusterVmAnswer } from "../http/scheduler/schemas/answers.js";
import type { VmAnswer } from "../http/schemas/answers.js";
import { showMemory, showNumber } from "./numbers.js";

const style = { head: [], border: [], compact: true };
const showRatio = ({ ratio, vcpuRatios }: VmAnswer): string => (ratio === null ? vcpuRatios.join(" ") : String(ratio));
const isOfCluster = (vm: AnyVm): vm is ClusterVmAnswer => "host" in vm;

export function listTable(vms: readonly AnyVm[]): string {
  const ofCluster = vms.filter(isOfCluster);
  return ofCluster.length > 0
    ? clusterListTable(ofCluster)
    : agentListTable(vms.filter((vm): vm is VmAnswer => !isOfCluster(vm)));
}

function clusterListTable(vms: readonly ClusterVmAnswer[]): string {
  const table = new Table({ head: ["name", "host", "state", "vCPUs", "memory", "ratio", "group"], style });
  for (const { name, host, hosts, state, vcpus, memoryMiB, ratio, antiAffinity } of vms) {
    const where = hosts.length > 1 ? hosts.join(", ") : host;
    table.push([name, where, state, vcpus, showMemory(memoryMiB), ratio ?? "template", antiAffinity ?? ""]);
  }
  return `${table.toString()}\n`;
}

function agentListTable(vms: readonly VmAnswer[]): string {
  const head = ["name", "state", "vCPUs", "memory", "ratio", "CPU used", "CPU waited", "memory used"];
  const table = new Table({ head, style });
  for (const vm of vms) {
    const { cpuPcpus, waitPcpus, memoryMiB } = vm.usage;
    const used = memoryMiB === null ? "-" : showMemory(memoryMiB);
    const size = [vm.vcpus, showMemory(vm.memoryMiB), showRatio(vm)];
    table.push([vm.name, vm.state, ...size, showNumber(cpuPcpus), showNumber(waitPcpus), used]);
  }
  return `${table.toString()}\n`;
}

export function vmTable(vm: AnyVm): string {
  if (!isOfCluster(vm)) return agentVmTable(vm, {});
  if (vm.view !== null) return agentVmTable(vm.view, { host: vm.host });
  const table = new Table({ style });
  table.push(
    { name: vm.name },
    { host: vm.hosts.length > 1 ? vm.hosts.join(", ") : vm.host },
    { uuid: vm.uuid ?? "(not confirmed yet)" },
    { state: vm.state },
    { size: `${plural(vm.vcpus, "vCPU")}, ${showMemory(vm.memoryMiB)}` },
    { "allocation ratio": vm.ratio ?? "(the host's template)" },
    { image: vm.image ?? "(no disk)" },
    { "anti-affinity": vm.antiAffinity ?? "(none)" },
    { "deployed here": vm.deployedHere ? "yes" : "no: found on its host" },
  );
  return `${table.toString()}\n`;
}

/** `where`: rows that stand above the agent's. */
function agentVmTable(vm: VmAnswer, where: Readonly<Record<string, string>>): string {
  const { cpuPcpus, waitPcpus, memoryMiB } = vm.usage;
  const table = new Table({ style });
  table.push(
    { name: vm.name },
    ...Object.entries(where).map(([key, value]) => ({ [key]: value })),
    { uuid: vm.uuid },
    { state: vm.state },
    { size: `${plural(vm.vcpus, "vCPU")}, ${showMemory(vm.memoryMiB)}` },
    { "allocation ratio": showRatio(vm) },
    { pins: pinsText(vm.pins) },
    { image: vm.image ?? "(no disk)" },
    { "deployed here": vm.deployedHere ? "yes" : "no: found running" },
    { "CPU used, waited": `${showNumber(cpuPcpus)}, ${showNumber(waitPcpus)} pCPUs` },
    { "memory used": memoryMiB === null ? "-" : showMemory(memoryMiB) },
  );
  return `${table.toString()}\n`;
}

/** One line where all vCPUs share a CPU set. */
function pinsText(pins: readonly string[]): string {
  if (pins.length === 0) return "(none)";
  const same = pins.every((pin) => pin === pins[0]);
  return same ? `${pins[0]} (all vCPUs)` : pins.map((pin, vcpu) => `vCPU ${vcpu}: ${pin}`).join("\n");
}
