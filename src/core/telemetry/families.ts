/** Families of metrics, as programs write their own: a list of lines each, put into Prometheus' form. */
import { familyHead } from "./exposition.js";

/** Labels with their braces, or none; and the value. */
export type Lines = readonly (readonly [labels: string, value: number])[];
export type Family = readonly [name: string, kind: "counter" | "gauge", help: string, lines: Lines];

export const single = (value: number): Lines => [["", value]];

/** Those that have lines; `prefix` before every name. */
export const familiesText = (prefix: string, families: readonly Family[]): string =>
  families
    .filter(([, , , lines]) => lines.length > 0)
    .map(([name, kind, help, lines]) => {
      const full = `${prefix}${name}`;
      return familyHead(full, help, kind) + lines.map(([labels, value]) => `${full}${labels} ${value}\n`).join("");
    })
    .join("");
