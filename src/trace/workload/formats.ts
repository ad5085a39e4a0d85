/**
 * Workloads as files: lines of JSON, the sizing experiment's CSV, a shell script that drives a live cluster, and the traces of a host
 * that has all of the VMs: monitoring (for replay) and the estimator's. All but the estimator's, which is by VM, stream.
 */
import type { SizedHost } from "../../core/sizing/model.js";
import type { WorkloadVm } from "../../core/workload/generate.js";
import { happeningsOf } from "../../core/workload/happenings.js";
import { reservedMemory } from "../../core/workload/reserved.js";
import type { Temporality } from "../../core/workload/scenario.js";
import { cpuShare, memoryShare, type UsageRules } from "../../core/workload/usage.js";
import { pythonFloat } from "../python-number.js";
import type { Resource, TraceRecord } from "../record.js";
import { formatTraceRecord, TRACE_HEADER } from "../writer.js";

export function* workloadLines(vms: Iterable<WorkloadVm>): Generator<string> {
  for (const vm of vms) yield `${JSON.stringify(vm)}\n`;
}

const EXPERIMENT_COLUMNS = "vm_id,cpu,mem_gb,oc,arrival_s,departure_s,mem_mb_eff,permanent,profile,avg_pct,p95_pct";

export function* experimentCsv(vms: Iterable<WorkloadVm>): Generator<string> {
  yield `${EXPERIMENT_COLUMNS}\n`;
  for (const vm of vms) {
    const { index, vcpus, memoryMiB, ratio, arrival, departure, permanent, profile, meanPercent, p95Percent } = vm;
    const usage = [permanent ? 1 : 0, profile, Math.round(meanPercent), Math.round(p95Percent)];
    yield `${[index, vcpus, memoryMiB / 1024, ratio, arrival, departure, reservedMemory(vm), ...usage].join(",")}\n`;
  }
}

/**
 * For any POSIX shell with curl and awk: the scheduler's address and how many times faster are its arguments. A token is told to curl
 * by its standard input, where no other process sees it.
 */
const SCRIPT_HEAD = `#!/bin/sh
# Drives a cluster through its scheduler's API: sh FILE [URL] [SPEED]; a token, where one is needed, in HEADROOM_TOKEN.
# Made by headroom generate.
url=\${1:-http://127.0.0.1:8100}
speed=\${2:-1}
done=0
failed=0
pause() { sleep "$(awk "BEGIN { print $1 / $speed }")"; }
ask() {
  { [ -z "\${HEADROOM_TOKEN:-}" ] || printf 'header = "authorization: Bearer %s"\\n' "$HEADROOM_TOKEN"; } |
    curl -s -K - -o /dev/null -w '%{http_code}' "$@"
}
answer() {
  case $2 in
    2*) done=$((done + 1)) ;;
    000) echo "nobody answers at $url" >&2; exit 3 ;;
    *) failed=$((failed + 1)); echo "$1: $2" >&2 ;;
  esac
}
deploy() {
  answer "deploy $1" "$(ask -H 'content-type: application/json' -H "idempotency-key: $1" \\
    -d "{\\"name\\":\\"$1\\",\\"vcpus\\":$2,\\"memoryMiB\\":$3,\\"ratio\\":$4}" "$url/v1/vms")"
}
remove() { answer "remove $1" "$(ask -X DELETE "$url/v1/vms/$1")"; }
`;
const SCRIPT_END = `echo "$done requests done, $failed not"
[ "$failed" -eq 0 ]
`;

export function* driveScript(vms: Iterable<WorkloadVm>): Generator<string> {
  yield SCRIPT_HEAD;
  let now = 0;
  for (const { kind, at, vm } of happeningsOf(vms)) {
    if (at > now) yield `pause ${at - now}\n`;
    now = Math.max(now, at);
    if (kind === "arrive") yield `deploy ${vm.name} ${vm.vcpus} ${vm.memoryMiB} ${vm.ratio}\n`;
    else yield `remove ${vm.name}\n`;
  }
  yield SCRIPT_END;
}

export interface TraceShape {
  readonly host: SizedHost;
  readonly temporality: Temporality;
  /** Readings of a slice. */
  readonly readings: number;
  readonly seed: number;
}

const rulesOf = ({ temporality, readings, seed }: TraceShape): UsageRules => ({
  seed,
  momentsPerDay: (temporality.day / temporality.slice) * readings,
});

const isHere = (vm: WorkloadVm, at: number): boolean => vm.arrival <= at && at < vm.departure;

/** A VM's uuid from its number: names of traces must tell VMs apart for ever. */
const uuidOf = ({ index }: WorkloadVm): string => `00000000-0000-4000-8000-${index.toString(16).padStart(12, "0")}`;

/** The monitoring trace of a host on which the VMs are, at every reading. */
export function* monitoringTrace(vms: readonly WorkloadVm[], shape: TraceShape): Generator<string> {
  yield TRACE_HEADER;
  const { temporality, readings, host } = shape;
  const rules = rulesOf(shape);
  const moments = ((temporality.day * temporality.days) / temporality.slice) * readings;
  const ratios = [...new Set(vms.map((vm) => vm.ratio as number))].sort((a, b) => a - b);
  for (let moment = 0; moment < moments; moment++) {
    const at = Math.round((moment * temporality.slice) / readings);
    const here = vms.filter((vm) => isHere(vm, at));
    const used = (of: readonly WorkloadVm[]): number =>
      of.reduce((sum, vm) => sum + cpuShare(vm, moment, rules) * vm.vcpus, 0);
    const held = here.reduce((sum, vm) => sum + memoryShare(vm, moment, rules) * vm.memoryMiB, 0) / host.memoryMiB;
    const line = (kind: TraceRecord["kind"], resource: Resource, value: number, config: number, rest = {}): string =>
      formatTraceRecord({ ...NOTHING, timestamp: at, kind, resource, value, config, ...rest });
    yield line("global", "cpu", Math.min(1, used(here) / host.pcpus), host.pcpus);
    for (const each of ratios) {
      const members = here.filter((vm) => vm.ratio === each);
      const pool = { pool: `subset-${pythonFloat(each)}`, ratio: each };
      const pcpus = Math.ceil(members.reduce((sum, vm) => sum + vm.vcpus, 0) / each);
      yield line("subset", "cpu", used(members), pcpus, { ...pool, unused: 0, description: EMPTY_POOL });
      for (const vm of members)
        yield line("vm", "cpu", cpuShare(vm, moment, rules), vm.vcpus, {
          ...pool,
          vmUuid: uuidOf(vm),
          vmName: vm.name,
        });
    }
    const pool = { pool: "subset-1", ratio: 1 };
    yield line("global", "mem", Math.min(1, held), host.memoryMiB);
    yield line("subset", "mem", held, host.memoryMiB, { ...pool, unused: 0, description: EMPTY_POOL });
    for (const vm of here)
      yield line("vm", "mem", memoryShare(vm, moment, rules), vm.memoryMiB, {
        ...pool,
        vmUuid: uuidOf(vm),
        vmName: vm.name,
      });
  }
}

const NOTHING = { pool: null, vmUuid: null, vmName: null, ratio: null, unused: null, description: null };
const EMPTY_POOL = '{"res_list": [], "consumer_list": []}';

/** Windows of the same slice that the estimator looks back on: as many as the published traces say. */
const HISTORY = 3;
/** The estimator's MB is KiB / 1000. */
const megabytes = (memoryMiB: number): number => (memoryMiB * 1024) / 1000;
const list = (values: readonly number[]): string =>
  `[${values.map((value) => pythonFloat(Number(value.toFixed(4)))).join(",")}]`;

/** The estimator's trace: a window for every slice, first the host's, then VM by VM. */
export function* estimatorTraceOf(vms: readonly WorkloadVm[], shape: TraceShape): Generator<string> {
  const { temporality, readings, host } = shape;
  const { slice, day, days } = temporality;
  const rules = rulesOf(shape);
  const windows = (day * days) / slice;
  const each = <T>(count: number, of: (place: number) => T): T[] => Array.from({ length: count }, (_, at) => of(at));
  const readingsOf = (window: number, of: (moment: number) => number): number[] =>
    each(readings, (reading) => of(window * readings + reading));
  const config = `"node_name":"generated","node_scope":${day},"slice_scope":${slice},"historical_occurences":${HISTORY}`;
  yield `{"config":{${config}},"epoch":[${each(windows, (at) => (at + 1) * slice).join(",")}],\n"node":{"raw_data":[`;
  for (let window = 0; window < windows; window++) {
    const here = vms.filter((vm) => isHere(vm, window * slice));
    const sum = (of: (vm: WorkloadVm) => number): number => here.reduce((total, vm) => total + of(vm), 0);
    const cpu = readingsOf(window, (moment) =>
      Math.min(
        host.pcpus,
        sum((vm) => cpuShare(vm, moment, rules) * vm.vcpus),
      ),
    );
    const mem = readingsOf(window, (moment) => megabytes(sum((vm) => memoryShare(vm, moment, rules) * vm.memoryMiB)));
    const capacity = `"cpu":[${host.pcpus}],"mem":[${pythonFloat(megabytes(host.memoryMiB))}]`;
    const names = JSON.stringify(here.map((vm) => vm.name));
    yield `${window === 0 ? "\n" : ",\n"}{${capacity},"cpu_usage":${list(cpu)},"mem_usage":${list(mem)},"vm":${names}}`;
  }
  yield `]},\n"vm":{`;
  for (const [place, vm] of vms.entries()) {
    yield `${place === 0 ? "\n" : ",\n"}${JSON.stringify(vm.name)}:{"raw_data":[`;
    for (let window = 0; window < windows; window++) {
      const cpu = readingsOf(window, (moment) => cpuShare(vm, moment, rules) * vm.vcpus);
      const mem = readingsOf(window, (moment) => megabytes(memoryShare(vm, moment, rules) * vm.memoryMiB));
      const size = `"cpu":[${vm.vcpus}],"mem":[${pythonFloat(megabytes(vm.memoryMiB))}]`;
      const text = isHere(vm, window * slice) ? `${size},"cpu_usage":${list(cpu)},"mem_usage":${list(mem)}` : "";
      yield `${window === 0 ? "" : ","}{${text}}`;
    }
    yield "]}";
  }
  yield "}}\n";
}
