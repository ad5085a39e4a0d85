/**
 * The last column of a pool record, `sb_dsc`: the pool as JSON. `compact`: the ids of its pCPUs and the names of its VMs.
 * `full`: the seeds' form, with every fact of each pCPU and, for each VM and vCPU, a truth value for each pCPU of the host
 * (gigabytes for 12 hours). Both have the seeds' keys and Python's spacing.
 */
import { type CpuSet, EMPTY_CPU_SET } from "../../core/cpuset.js";
import type { CpuPool, MemoryPool, VmPins } from "../../core/pool/model.js";
import type { Topology } from "../../core/topology/model.js";
import { formatSeedTopology } from "../../core/topology/seed-json.js";
import { pythonFloat } from "../../trace/python-number.js";
import type { PoolTextForm } from "./forms.js";
import type { RecordedVm, RecordedVms } from "./recorded-vms.js";

/** JSON as Python's json.dumps writes it: a space after commas and colons, everything beyond ASCII escaped. */
export function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(", ")}]`;
  if (typeof value === "object" && value !== null)
    return `{${Object.entries(value)
      .map(([key, item]) => `${pythonJson(key)}: ${pythonJson(item)}`)
      .join(", ")}}`;
  return JSON.stringify(value).replace(
    /[\u007f-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Texts of the pools of one state; `pins` with stray ones. */
export interface PoolTexts {
  cpu(pool: CpuPool, pins: VmPins): string;
  memory(memory: MemoryPool, pins: VmPins): string;
}

const nameOf = (vms: RecordedVms, key: string): string => vms.byKey.get(key)?.name ?? key;

function compactTexts(vms: RecordedVms): PoolTexts {
  const text = (resources: unknown, keys: readonly string[]): string =>
    pythonJson({ res_list: resources, consumer_list: keys.map((key) => nameOf(vms, key)) });
  const cpu = (pool: CpuPool): string =>
    text(
      pool.pcpus,
      pool.members.map((member) => member.vm),
    );
  const memory = (pool: MemoryPool): string =>
    text(
      pool.allocatedMiB > 0 ? [[0, pool.allocatedMiB]] : [],
      pool.members.map((vm) => vm.name),
    );
  return { cpu, memory };
}

/** `false, true, ...` for each pCPU of the host. */
function maskText(set: CpuSet, hostPcpus: number): string {
  const words = new Array<string>(hostPcpus).fill("false");
  for (const id of set) words[id] = "true";
  return `[${words.join(", ")}]`;
}

class FullTexts implements PoolTexts {
  readonly #pcpuTexts = new Map<number, string>();

  constructor(
    private readonly vms: RecordedVms,
    private readonly topology: Topology,
  ) {
    const document = JSON.parse(formatSeedTopology(topology)) as { cpuset: { cpu_list: { cpu_id: number }[] } };
    for (const pcpu of document.cpuset.cpu_list) this.#pcpuTexts.set(pcpu.cpu_id, pythonJson(pcpu));
  }

  cpu(pool: CpuPool, pins: VmPins): string {
    const resources = pool.pcpus.map((id) => this.#pcpuTexts.get(id)!);
    return this.#text(
      resources,
      pool.members.map((member) => member.vm),
      pins,
    );
  }

  memory(memory: MemoryPool, pins: VmPins): string {
    const resources = memory.allocatedMiB > 0 ? [`[0, ${memory.allocatedMiB}]`] : [];
    return this.#text(
      resources,
      memory.members.map((vm) => vm.name),
      pins,
    );
  }

  #text(resources: readonly string[], keys: readonly string[], pins: VmPins): string {
    const masks = new Map<CpuSet, string>();
    const consumers = keys.map((key) => this.#vmText(this.vms.byKey.get(key)!, pins.get(key) ?? [], masks));
    return `{"res_list": [${resources.join(", ")}], "consumer_list": [${consumers.join(", ")}]}`;
  }

  /** The order of the keys differs between the seeds. */
  #vmText(vm: RecordedVm, sets: readonly CpuSet[], masks: Map<CpuSet, string>): string {
    const pins = Array.from({ length: vm.spec.vcpus }, (_, vcpu) => this.#maskOf(sets[vcpu] ?? EMPTY_CPU_SET, masks));
    const name = `"name": ${pythonJson(vm.name)}`;
    const memory = `"mem": ${Math.floor(vm.trace.lastMemRow!.config)}`;
    const cpu = `"cpu": ${vm.spec.vcpus}`;
    const rest = `"uuid": ${pythonJson(vm.uuid)}, "cpu_pin": [${pins.join(", ")}], "qcow2": null, "being_destroyed": false`;
    if (vm.spec.ratio === null) return `{${name}, ${memory}, ${cpu}, ${rest}}`;
    return `{${cpu}, "cpu_ratio": ${pythonFloat(vm.spec.ratio)}, ${memory}, ${name}, ${rest}}`;
  }

  /** A vCPU that was never pinned has an empty list. */
  #maskOf(set: CpuSet, masks: Map<CpuSet, string>): string {
    const known = masks.get(set);
    if (known !== undefined) return known;
    const text = set.length === 0 ? "[]" : maskText(set, this.topology.totalPcpus);
    masks.set(set, text);
    return text;
  }
}

export const poolTexts = (form: PoolTextForm, vms: RecordedVms, topology: Topology): PoolTexts =>
  form === "compact" ? compactTexts(vms) : new FullTexts(vms, topology);
