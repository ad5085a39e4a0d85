/**
 * The units that numbers of Headroom carry, as branded types: a function that wants MiB cannot be handed KiB by mistake.
 * Arithmetic gives a plain number; name the unit again at the border where the result leaves a calculation.
 */
declare const unit: unique symbol;
export type Unit<Name extends string> = number & { readonly [unit]: Name };

export type MiB = Unit<"MiB">;
/** pCPUs in use or free; may be a fraction. */
export type Pcpus = Unit<"pCPUs">;
export type Seconds = Unit<"s">;
export type Milliseconds = Unit<"ms">;
/** vCPUs per pCPU; a plain decimal as operators write it (2.6), compared exactly through `exactRatio`. */
export type Ratio = Unit<"vCPUs/pCPU">;

export const mib = (value: number): MiB => value as MiB;
export const pcpus = (value: number): Pcpus => value as Pcpus;
export const seconds = (value: number): Seconds => value as Seconds;
export const milliseconds = (value: number): Milliseconds => value as Milliseconds;
export const ratio = (value: number): Ratio => value as Ratio;
