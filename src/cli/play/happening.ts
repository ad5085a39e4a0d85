/** What a workload that is played asks for, in order of time, and how what became of it is told. */
import { plural } from "../../core/plural.js";
import { formatMemory, formatRatio } from "../numbers.js";

export interface Arrival {
  readonly kind: "arrive";
  readonly atSeconds: number;
  readonly name: string;
  readonly vcpus: number;
  readonly memoryMiB: number;
  readonly ratio: number;
}
export interface Departure {
  readonly kind: "leave";
  readonly atSeconds: number;
  readonly name: string;
}
export type Happening = Arrival | Departure;

/** What became of one. */
export interface EventLine {
  readonly atSeconds: number;
  readonly kind: "arrived" | "left" | "refused";
  readonly text: string;
}

/** `vm-017  4 vCPUs    7 GiB  2:1`. */
export const describeArrival = ({ name, vcpus, memoryMiB, ratio }: Arrival): string =>
  `${name}  ${plural(vcpus, "vCPU").padEnd(8)} ${formatMemory(memoryMiB).padStart(6)}  ${formatRatio(ratio)}`;
