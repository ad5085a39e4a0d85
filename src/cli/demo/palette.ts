/** Which colour and which sign each pool has on the demonstration's screen, by its place in the order of ratios. */
import type { Style } from "../terminal.js";

export interface PoolLook {
  /** Text colour and background of the same hue. */
  readonly ink: Extract<Style, string>;
  readonly ground: Extract<Style, string>;
  /** Stands for the pool where there is no colour. */
  readonly sign: string;
}

const LOOKS: readonly PoolLook[] = [
  { ink: "cyan", ground: "bgCyan", sign: "1" },
  { ink: "yellow", ground: "bgYellow", sign: "2" },
  { ink: "magenta", ground: "bgMagenta", sign: "3" },
  { ink: "green", ground: "bgGreen", sign: "4" },
  { ink: "blue", ground: "bgBlue", sign: "5" },
];

export const FREE_SIGN = "·";

/** `place`: 0 for the lowest ratio of the host. More pools than looks: they repeat. */
export const lookOf = (place: number): PoolLook => LOOKS[place % LOOKS.length]!;
