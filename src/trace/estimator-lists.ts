/** The lists of an estimator's trace: what a machine did in a window, by the names of the format, read as somebody asks for it. */
import type { Times, VmWindow } from "../core/estimator/vm-window.js";
import type { HostRecord, VmRecord } from "./estimator-record.js";
import type { Fields } from "./json-scanner.js";
import { NumberList } from "./number-list.js";

const LISTS = [
  "time",
  "cpu",
  "mem",
  "cpu_usage",
  "mem_usage",
  "mem_rss",
  "sched_busy",
  "swpagefaults",
  "cpi",
  "hwcpucycles",
] as const;
export type ListName = (typeof LISTS)[number];
export const isListName = (name: string): name is ListName => (LISTS as readonly string[]).includes(name);
/** What decisions on a VM may look back on, in the window before. */
const KEPT = ["time", "cpu_usage", "mem_usage", "mem_rss", "sched_busy", "swpagefaults"] as const;

type Lists = Readonly<Record<ListName, NumberList>>;

/** Told of a word in a list of a window that is no number. */
export type Refuse = (name: ListName, occurrence: number, word: string) => never;

const toldOrNull = (list: NumberList): Float64Array | null => (list.isTold ? list.view() : null);

/** What a machine did in a window: always the same object. Lists are read as they are asked for, and only then found wrong. */
class MachineLists {
  occurrence = 0;
  readonly lists: Lists;
  readonly fields: Fields;

  constructor(refuse: Refuse) {
    const made = LISTS.map((name) => [name, new NumberList((word) => refuse(name, this.occurrence, word))] as const);
    this.lists = Object.fromEntries(made) as Record<ListName, NumberList>;
    this.fields = new Map(made);
  }

  clear(): void {
    for (const name of LISTS) this.lists[name].clear();
  }

  /** What no decision needs as well. */
  readAll(): void {
    for (const name of LISTS) this.lists[name].view();
  }

  get isEmpty(): boolean {
    return LISTS.every((name) => !this.lists[name].isTold);
  }

  get times(): Times {
    const { first, last, count } = this.lists.time;
    return { first, last, count };
  }
  get cpuUsage(): Float64Array {
    return this.lists.cpu_usage.view();
  }
  get memoryUsage(): Float64Array {
    return this.lists.mem_usage.view();
  }
  get memoryRss(): Float64Array | null {
    return toldOrNull(this.lists.mem_rss);
  }
  get schedBusy(): Float64Array {
    return this.lists.sched_busy.view();
  }
  get pageFaults(): Float64Array {
    return this.lists.swpagefaults.view();
  }
  get cyclesPerInstruction(): Float64Array | null {
    return toldOrNull(this.lists.cpi);
  }
  get cycles(): Float64Array | null {
    return toldOrNull(this.lists.hwcpucycles);
  }
}

export class VmLists extends MachineLists implements VmRecord {
  vcpus: number | null = null;
  memory: number | null = null;

  constructor(private readonly refuse: Refuse) {
    super(refuse);
  }

  /** Once the lists are there. */
  at(occurrence: number): this {
    this.occurrence = occurrence;
    this.vcpus = this.lists.cpu.last;
    this.memory = this.lists.mem.last;
    return this;
  }

  kept(spare: VmWindow | null): VmLists {
    const copy = spare instanceof VmLists ? spare : new VmLists(this.refuse);
    for (const name of KEPT) copy.lists[name].copy(this.lists[name]);
    copy.occurrence = this.occurrence;
    copy.vcpus = this.vcpus;
    copy.memory = this.memory;
    return copy;
  }
}

export class HostLists extends MachineLists implements HostRecord {
  at(occurrence: number): this {
    this.occurrence = occurrence;
    return this;
  }

  get cpuCapacity(): number | null {
    return this.lists.cpu.last;
  }
  get memoryCapacity(): number | null {
    return this.lists.mem.last;
  }
  get missingCpu(): number {
    return missingIn(this.lists.cpu_usage);
  }
  get missingMemory(): number {
    return missingIn(this.lists.mem_usage);
  }
}

function missingIn(list: NumberList): number {
  list.view();
  return list.missing;
}
