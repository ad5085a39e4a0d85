/**
 * Recorded hosts that never were: families of loads, made from a seed, told to a visitor as the reader of traces would. Our own
 * estimator was developed on the families of `DEVELOPMENT` (and on the reference traces), and is measured on others (held-out.ts).
 * Times are windows, an hour each.
 */
import type { Times } from "../../src/core/estimator/vm-window.js";
import type { EstimatorTraceVisitor, HostRecord, VmRecord } from "../../src/trace/estimator-record.js";

export type Random = () => number;

/** SplitMix32. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 4294967296;
  };
}

export const normal = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

export interface Family {
  readonly name: string;
  readonly windows: number;
  readonly slices: number;
  readonly vms: number;
  /** First and last window of the VM with number `i` of `count`. */
  readonly life: (random: Random, i: number, count: number, windows: number) => readonly [number, number];
  /** What all VMs of the host do together: a factor of their load at time `t`, in windows and fractions. */
  readonly shared: (random: Random, windows: number) => (t: number) => number;
  /** What a VM does by itself, likewise. */
  readonly own: (random: Random, windows: number) => (t: number) => number;
  /** Deviation of its samples, as a share of its load. */
  readonly noise: number;
}

const always = (): readonly [number, number] => [0, Number.POSITIVE_INFINITY];
const level = (): ((t: number) => number) => () => 1;

/** A day's shape: from 1 - depth at night to 1 + depth. */
export const daily =
  (depth: number, period = 24) =>
  (random: Random, _windows: number): ((t: number) => number) => {
    const phase = random() * 0.1;
    return (t) => 1 + depth * Math.sin(2 * Math.PI * (t / period + phase));
  };

/** Surges at random: `rate` a window, `height` times the load, for some windows. */
const surges =
  (rate: number, height: number, length: number) =>
  (random: Random, windows: number): ((t: number) => number) => {
    const starts: (readonly [number, number, number])[] = [];
    for (let t = 0; t < windows; t += 0.1)
      if (random() < rate * 0.1) starts.push([t, t + length * (0.3 + random()), height * (0.5 + random())]);
    return (t) => starts.reduce((sum, [from, to, by]) => (t >= from && t < to ? sum + by : sum), 1);
  };

const product =
  (...parts: readonly Family["own"][]): Family["own"] =>
  (random, windows) => {
    const made = parts.map((part) => part(random, windows));
    return (t) => made.reduce((value, part) => value * part(t), 1);
  };

export const BASE = { windows: 96, slices: 1, vms: 40, life: always, shared: level, own: level, noise: 0.15 } as const;

const PLAIN: readonly Family[] = [
  { ...BASE, name: "steady" },
  {
    ...BASE,
    name: "growing",
    life: (_random, i, count, windows) => [Math.floor((0.9 * i * windows) / count), Infinity],
  },
  {
    ...BASE,
    name: "shrinking",
    life: (_random, i, count, windows) => [0, Math.floor(windows * (0.1 + (0.9 * i) / count))],
  },
  { ...BASE, name: "daily", windows: 168, shared: daily(0.5) },
  { ...BASE, name: "daily, by slices", windows: 192, slices: 24, shared: daily(0.5) },
  { ...BASE, name: "bursty", own: surges(0.05, 2, 0.5) },
];

/** From here to there within a few windows, once or twice. */
const shift: Family["shared"] = (random, windows) => {
  const [first, second] = [windows * (0.3 + 0.1 * random()), windows * (0.6 + 0.2 * random())];
  const [up, down] = [1.5 + 0.5 * random(), 0.6 + 0.3 * random()];
  return (t) => (t < first ? 1 : t < second ? up : down);
};

const nightly: Family["shared"] = (random) => {
  const [start, height] = [Math.floor(random() * 24), 1 + random()];
  return (t) => 1 + ((((t - start) % 24) + 24) % 24 < 2 ? height : 0);
};

const weekly: Family["shared"] = (random) => {
  const day = daily(0.4)(random, 0);
  return (t) => day(t) * (Math.floor(t / 24) % 7 < 5 ? 1 : 0.5);
};

/** Rare samples far above the rest, in one VM at a time. */
const spikes: Family["own"] = (random) => () => (random() < 0.002 ? Math.min(20, (1 - random()) ** -0.8) * 2 : 1);

const churn: Family["life"] = (random, _i, _count, windows) => {
  const from = Math.floor(random() * windows * 1.1 - windows * 0.1);
  return [Math.max(0, from), from + Math.ceil(-Math.log(1 - random()) * 20)];
};

/** One in four VMs wakes and sleeps for days. */
const idlers: Family["own"] = (random, windows) => {
  if (random() < 0.75) return () => 1;
  const flips: number[] = [];
  for (let t = random() * 12; t < windows; t += 4 + random() * 30) flips.push(t);
  return (t) => (flips.filter((flip) => flip < t).length % 2 === 0 ? 0.05 : 1.6);
};

const FIRST_HELD_OUT: readonly Family[] = [
  { ...BASE, name: "weekly", windows: 336, shared: weekly, vms: 30 },
  { ...BASE, name: "nightly batch", windows: 168, shared: nightly, vms: 25 },
  { ...BASE, name: "level shift", windows: 120, shared: shift },
  { ...BASE, name: "churn", windows: 120, life: churn, vms: 120 },
  { ...BASE, name: "flash crowds", windows: 120, shared: surges(0.04, 0.8, 1.5) },
  { ...BASE, name: "heavy spikes", windows: 96, own: spikes, noise: 0.1 },
  { ...BASE, name: "sleepers", windows: 120, own: idlers, vms: 60 },
  {
    ...BASE,
    name: "daily with bursts",
    windows: 168,
    slices: 12,
    shared: daily(0.3, 12),
    own: product(daily(0.2, 12), surges(0.03, 1.5, 0.4)),
  },
];

/** Full from nine to five on working days, else asleep; edges a little soft. */
const office: Family["shared"] = (random) => {
  const [night, weekend] = [0.3 + 0.2 * random(), 0.2 + 0.2 * random()];
  return (t) => {
    if (Math.floor(t / 24) % 7 >= 5) return weekend;
    const hour = t % 24;
    const open = Math.min(1, Math.max(0, hour - 8)) * Math.min(1, Math.max(0, 18 - hour));
    return night + (1.6 - night) * open;
  };
};

/** A morning and a higher evening peak. */
const twoPeaks: Family["shared"] = (random) => {
  const lift = 0.3 + 0.3 * random();
  const bump = (hour: number, at: number, width: number): number => Math.exp(-(((hour - at) / width) ** 2));
  return (t) => 0.7 + lift * bump(t % 24, 10, 2.5) + 2 * lift * bump(t % 24, 20, 2);
};

/** What all do together wanders and comes back. */
const wandering: Family["shared"] = (random, windows) => {
  const factors: number[] = [1];
  for (let t = 1; t <= windows + 1; t++) factors.push(1 + 0.92 * (factors[t - 1]! - 1) + 0.1 * normal(random));
  return (t) => {
    const [now, next] = [factors[Math.floor(t)]!, factors[Math.floor(t) + 1]!];
    return Math.max(0.2, now + (t % 1) * (next - now));
  };
};

/** A job of every VM at a beat that no day knows: each fifth window, half a window long. */
const beat: Family["shared"] = (random) => {
  const height = 0.6 + 0.6 * random();
  return (t) => 1 + (Math.floor(t) % 5 === 2 && t % 1 < 0.5 ? height : 0);
};

/** Fills up and is emptied, each at its own pace. */
const sawtooth: Family["own"] = (random) => {
  const [length, phase] = [4 + 9 * random(), random()];
  return (t) => 0.5 + ((t / length + phase) % 1) * 1.2;
};

/** On for hours and off for hours, the wilder the rarer. */
const onOff: Family["own"] = (random, windows) => {
  const states: number[] = [random() < 0.3 ? 1 : 0];
  for (let t = 1; t <= windows; t++) states.push(random() < 0.15 ? 1 - states[t - 1]! : states[t - 1]!);
  return (t) => (states[Math.floor(t)] === 1 ? 2.2 : 0.3);
};

/** Ten at a time come and go. */
const waves: Family["life"] = (random, i, _count, windows) => {
  const wave = Math.floor(i / 10);
  const from = wave === 0 ? 0 : Math.floor((wave * windows) / 6);
  return [from, from + Math.floor(windows * (0.3 + 0.4 * random()))];
};

const arriving: Family["life"] = (_random, i, count, windows) => [Math.floor((0.8 * i * windows) / count), Infinity];

const SECOND_HELD_OUT: readonly Family[] = [
  { ...BASE, name: "office hours", windows: 336, shared: office, vms: 30 },
  { ...BASE, name: "two peaks a day", windows: 240, shared: twoPeaks, vms: 35 },
  { ...BASE, name: "wandering together", windows: 144, shared: wandering },
  { ...BASE, name: "a beat of five", windows: 120, shared: beat, vms: 30 },
  { ...BASE, name: "sawtooth", windows: 120, own: sawtooth },
  { ...BASE, name: "on and off", windows: 144, own: onOff, vms: 25, noise: 0.25 },
  { ...BASE, name: "waves of VMs", windows: 120, life: waves, vms: 60 },
  { ...BASE, name: "arriving by day", windows: 168, life: arriving, shared: twoPeaks, vms: 50 },
];

/** What the estimator was developed on; the last two lists were held out once, and showed what it lacked. */
export const DEVELOPMENT: readonly Family[] = [...PLAIN, ...FIRST_HELD_OUT, ...SECOND_HELD_OUT];

const SAMPLES = 60;
const SIZES = [1, 1, 2, 2, 4, 8] as const;
const MB_PER_VCPU = 2147.484;
const CAPACITY = { cpu: 128, memory: 524288 } as const;

interface Machine {
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly load: (t: number) => number;
  readonly cpu: Float64Array;
  readonly memory: Float64Array;
}

const NONE = new Float64Array(0);

function record(
  size: number,
  memory: number,
  cpuUsage: Float64Array,
  memoryUsage: Float64Array,
  times: Times,
): VmRecord {
  const missing = { memoryRss: null, schedBusy: NONE, pageFaults: NONE, cyclesPerInstruction: null, cycles: null };
  return { vcpus: size, memory, cpuUsage, memoryUsage, times, ...missing };
}

function machineOf(family: Family, random: Random, i: number, shared: (t: number) => number): Machine {
  const { windows, vms, noise } = family;
  const size = SIZES[Math.floor(random() * SIZES.length)]!;
  const [from, to] = family.life(random, i, vms, windows);
  const own = family.own(random, windows);
  const [use, held] = [0.08 + 0.35 * random() ** 2, 0.3 + 0.5 * random()];
  const cpu = new Float64Array(windows * SAMPLES);
  const memory = new Float64Array(windows * SAMPLES);
  const load = (t: number): number => shared(t) * own(t);
  let [drift, walk] = [0, 0];
  for (let k = 0; k < cpu.length; k++) {
    const t = k / SAMPLES;
    drift = 0.9 * drift + normal(random) * noise * Math.sqrt(1 - 0.81);
    walk = Math.max(-0.2, Math.min(0.2, walk + 0.002 * normal(random)));
    const wanted = load(t);
    cpu[k] = Math.min(size, Math.max(0, size * use * wanted * (1 + drift)));
    const grown = 1 - Math.exp(-(t - from) / 3);
    memory[k] = size * MB_PER_VCPU * Math.min(1, held * grown * (0.9 + 0.1 * Math.min(2, wanted)) * (1 + walk));
  }
  return { size, from, to, load, cpu, memory };
}

/** Tells `visitor` of the host that `seed` makes of `family`. */
export function tell(family: Family, seed: number, visitor: EstimatorTraceVisitor): void {
  const random = seeded(seed);
  const { windows, slices, vms } = family;
  const shared = family.shared(random, windows);
  const machines = Array.from({ length: vms }, (_, i) => machineOf(family, random, i, shared));
  const hour = 3600;
  visitor.start(
    { nodeName: `${family.name} ${seed}`, nodeScope: slices * hour, sliceScope: hour, history: 3, slices },
    Float64Array.from({ length: windows }, (_, t) => hour * (t + 1)),
  );
  const timeOf = (t: number): Times => ({ first: hour * t, last: hour * (t + 1 - 1 / SAMPLES), count: SAMPLES });
  const isThere = ({ from, to }: Machine, t: number): boolean => t >= from && t < to;
  for (let t = 0; t < windows; t++) {
    const cpuUsage = new Float64Array(SAMPLES);
    const memoryUsage = new Float64Array(SAMPLES);
    const present = machines.filter((machine) => isThere(machine, t));
    for (let k = 0; k < SAMPLES; k++) {
      let [cpu, memory] = [0.8 + 0.1 * random(), 4000];
      for (const machine of present) {
        cpu += machine.cpu[t * SAMPLES + k]!;
        memory += machine.memory[t * SAMPLES + k]!;
      }
      cpuUsage[k] = Math.min(CAPACITY.cpu, cpu);
      memoryUsage[k] = Math.min(CAPACITY.memory, memory);
    }
    const { vcpus, memory, ...lists } = record(CAPACITY.cpu, CAPACITY.memory, cpuUsage, memoryUsage, timeOf(t));
    const host: HostRecord = { cpuCapacity: vcpus, memoryCapacity: memory, missingCpu: 0, missingMemory: 0, ...lists };
    visitor.host(t, host);
  }
  for (const [i, machine] of machines.entries()) {
    visitor.vm(`vm${i}`);
    for (let t = 0; t < windows; t++) {
      const [from, to] = [t * SAMPLES, (t + 1) * SAMPLES];
      const used = [machine.cpu.subarray(from, to), machine.memory.subarray(from, to)] as const;
      visitor.vmWindow(
        t,
        isThere(machine, t) ? record(machine.size, machine.size * MB_PER_VCPU, ...used, timeOf(t)) : null,
      );
    }
  }
}
