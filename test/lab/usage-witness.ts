/**
 * The outside witness of what guests use: what the kernel says of their processes, four times a second, and `virsh domstats`, about
 * once a second, written down while a test runs. The kernel answers at once; virsh on a busy machine may take half a second, during
 * which nobody knows when it looked.
 */
import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import type { LabHost } from "./lab-host.js";

/** CPU time at a moment, milliseconds since the epoch. */
interface Look {
  readonly at: number;
  readonly cpuNs: number;
  readonly rssKiB: number;
}

export interface VirshLook extends Look {
  /** Balloon size, and what the guest leaves unused; null while it says nothing. */
  readonly balloonKiB: number;
  readonly unusedKiB: number | null;
}

/** pCPUs between two moments: what the looks around them allow, and what they say if guests work evenly. */
export interface UsageSeen {
  readonly least: number;
  readonly most: number;
  readonly likely: number;
}

export type Witness = "kernel" | "virsh";

const KERNEL_EVERY_MS = 250;
const VIRSH_EVERY_MS = 1_000;
/** A moment between two looks that are further apart is nobody's to say. */
const APART_MS = { kernel: 1_500, virsh: 3_000 } as const;
const NS_PER_TICK = 1e7;
/** virsh that took longer did not look at one moment. */
const LONGEST_VIRSH_MS = 250;

/** `Domain: 'a'` and lines `  cpu.time=1` as values by domain. */
function parseDomstats(text: string): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const domains = new Map<string, Map<string, number>>();
  let current = new Map<string, number>();
  for (const line of text.split("\n")) {
    const name = /^Domain: '(.*)'$/.exec(line)?.[1];
    if (name !== undefined) {
      current = new Map();
      domains.set(name, current);
    }
    const [, key, value] = /^\s+([\w.-]+)=(\d+)$/.exec(line) ?? [];
    if (key !== undefined) current.set(key, Number(value));
  }
  return domains;
}

/** Null: the process is gone. */
function kernelLook(pid: number): Look | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const at = performance.timeOrigin + performance.now();
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    const ticks = Number(fields[11]) + Number(fields[12]);
    return rss === undefined ? null : { at, cpuNs: ticks * NS_PER_TICK, rssKiB: Number(rss) };
  } catch {
    return null;
  }
}

export class UsageWitness {
  readonly #looks = { kernel: new Map<string, Look[]>(), virsh: new Map<string, VirshLook[]>() };
  readonly #stop = new AbortController();
  readonly #ended: Promise<unknown>;

  constructor(private readonly host: LabHost) {
    this.#ended = Promise.all([
      this.#watch(KERNEL_EVERY_MS, this.#lookAtKernel),
      this.#watch(VIRSH_EVERY_MS, this.#lookByVirsh),
    ]);
  }

  virsh(name: string): readonly VirshLook[] {
    return this.#looks.virsh.get(name) ?? [];
  }

  kernel(name: string): readonly Look[] {
    return this.#looks.kernel.get(name) ?? [];
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
  }

  /** pCPUs used on average between two moments; null where nobody looked near one of them, or the VM was another. */
  usage(name: string, from: number, to: number, witness: Witness): UsageSeen | null {
    const [first, last] = [this.#around(name, from, witness), this.#around(name, to, witness)];
    if (first === null || last === null) return null;
    const between = (one: number, other: number) => (other - one) / ((to - from) * 1e6);
    const seen = {
      least: Math.max(0, between(first.next.cpuNs, last.before.cpuNs)),
      most: between(first.before.cpuNs, last.next.cpuNs),
      likely: between(evenly(first, from), evenly(last, to)),
    };
    return seen.likely < 0 ? null : seen;
  }

  async #watch(everyMs: number, look: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const began = performance.now();
      await look();
      await pause(Math.max(0, everyMs - (performance.now() - began)));
    }
  }

  #lookAtKernel = async (): Promise<void> => {
    for (const [name, pid] of this.host.guestPids()) {
      const look = kernelLook(pid);
      if (look !== null) this.#looks.kernel.set(name, [...this.kernel(name), look]);
    }
  };

  #lookByVirsh = async (): Promise<void> => {
    const began = Date.now();
    const stats = parseDomstats(await this.host.virsh("domstats", "--list-running", "--cpu-total", "--balloon"));
    const ended = Date.now();
    if (ended - began > LONGEST_VIRSH_MS) return;
    for (const [name, values] of stats) {
      const [cpuNs, balloonKiB, rssKiB] = ["cpu.time", "balloon.current", "balloon.rss"].map((key) => values.get(key));
      if (cpuNs === undefined || balloonKiB === undefined || rssKiB === undefined) continue;
      const look = {
        at: (began + ended) / 2,
        cpuNs,
        rssKiB,
        balloonKiB,
        unusedKiB: values.get("balloon.unused") ?? null,
      };
      this.#looks.virsh.set(name, [...this.virsh(name), look]);
    }
  };

  /** The looks before and after a moment; null where they are far apart, or of two lives of a VM. */
  #around(name: string, at: number, witness: Witness): Around | null {
    const looks = this[witness](name);
    const after = looks.findIndex((one) => one.at >= at);
    const [before, next] = [looks[after - 1], looks[after]];
    if (before === undefined || next === undefined || next.at - before.at > APART_MS[witness]) return null;
    return next.cpuNs < before.cpuNs ? null : { before, next };
  }
}

interface Around {
  readonly before: Look;
  readonly next: Look;
}

/** The counter at a moment, if it grew evenly between the looks around it. A guest that works in bursts does not. */
const evenly = ({ before, next }: Around, at: number): number =>
  before.cpuNs + ((at - before.at) / (next.at - before.at)) * (next.cpuNs - before.cpuNs);

/** The look next to a moment; null when there was none within so many milliseconds. */
export function nearest<T extends Look>(looks: readonly T[], at: number, withinMs: number): T | null {
  const [first] = [...looks].sort((a, b) => Math.abs(a.at - at) - Math.abs(b.at - at));
  return first === undefined || Math.abs(first.at - at) > withinMs ? null : first;
}

/** What moves by more around a moment cannot be compared with what somebody else saw a little earlier or later. */
const STILL = 1.02;

/** Whether memory (resident, or as `sizeOf` says) stood still around a moment, as far as looks before and after it tell. */
export function isStill<L extends Look>(
  looks: readonly L[],
  at: number,
  aroundMs: number,
  sizeOf: (look: L) => number = ({ rssKiB }) => rssKiB,
): boolean {
  const around = looks.filter((look) => Math.abs(look.at - at) <= aroundMs);
  const both = around.some((look) => look.at < at - aroundMs / 2) && around.some((look) => look.at > at + aroundMs / 2);
  const sizes = around.map(sizeOf);
  return both && Math.max(...sizes) <= STILL * Math.min(...sizes);
}
