/**
 * Single facts out of a host's files, with a note for each that is missing or malformed: the readers of sysfs degrade,
 * and say how, instead of failing. Notes that differ only in the pCPU are told once, with the set of pCPUs.
 */
import { type CpuSet, cpuSetOf, EMPTY_CPU_SET, formatCpuSet, parseCpuSet } from "../cpuset.js";
import type { HostFiles } from "./host-files.js";

/** As much of a malformed file as helps. */
const SHOWN_CHARACTERS = 40;

export class HostFacts {
  private readonly notes = new Map<string, number[]>();
  constructor(private readonly files: HostFiles) {}

  /** One more pCPU of which `problem` is true; without a pCPU, a fact about the host. */
  note(problem: string, pcpu?: number): void {
    const pcpus = this.notes.get(problem) ?? [];
    if (pcpu !== undefined) pcpus.push(pcpu);
    this.notes.set(problem, pcpus);
  }

  warnings(): readonly string[] {
    return [...this.notes].map(([problem, pcpus]) =>
      pcpus.length === 0 ? problem : `${problem} (pCPU ${formatCpuSet(cpuSetOf(pcpus))})`,
    );
  }

  text(path: string): string | null {
    const text = this.files.readText(path)?.trim();
    return text === undefined || text === "" ? null : text;
  }

  /** Whole number of a file; null when it is missing or, with a note, malformed. Negative means "unknown" in sysfs. */
  number(path: string): number | null {
    const text = this.text(path);
    if (text === null) return null;
    const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (Number.isNaN(value)) this.malformed(path, text, "a whole number");
    return value >= 0 ? value : null;
  }

  /** CPU set of a file; null when it is missing or, with a note, malformed. */
  cpuSet(path: string): CpuSet | null {
    const text = this.files.readText(path);
    if (text === null) return null;
    if (text.trim() === "") return EMPTY_CPU_SET;
    try {
      return parseCpuSet(text);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.malformed(path, text.trim(), "a CPU set");
      return null;
    }
  }

  malformed(path: string, text: string, wanted: string): void {
    const shown = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
    const pcpu = /\/cpu(\d+)\//.exec(path)?.[1];
    const where = path.replace(/\/cpu\d+\//, "/cpu*/");
    this.note(
      `${where} holds ${JSON.stringify(shown)}, not ${wanted}: not used`,
      pcpu === undefined ? pcpu : Number(pcpu),
    );
  }

  /** The numbers of a folder's entries `<prefix><number>`, ascending. */
  numbered(folder: string, prefix: string): number[] {
    return this.files
      .listFolder(folder)
      .filter((name) => name.startsWith(prefix) && /^\d{1,7}$/.test(name.slice(prefix.length)))
      .map((name) => Number(name.slice(prefix.length)))
      .sort((a, b) => a - b);
  }
}
