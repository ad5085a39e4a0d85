/**
 * A probe's readings as text, in the form that the operator chose, and how often that failed. A scrape meets the text of a reading
 * that was made for it; where none could be made the idiomatic form says so in one metric, and the rest is absent.
 */
import { familyHead } from "../core/telemetry/exposition.js";
import { printFlat } from "../core/telemetry/flat-form.js";
import { printIdiomatic } from "../core/telemetry/idiomatic-form.js";
import type { Reading } from "../core/telemetry/reading.js";
import { OperationalError } from "../ports/errors.js";
import type { Log } from "../ports/log.js";
import type { Probe } from "./probe.js";

export type ProbeForm = { readonly kind: "idiomatic" } | { readonly kind: "flat"; readonly prefix: string };

export const printReading = (reading: Reading, form: ProbeForm): string =>
  form.kind === "flat" ? printFlat(reading, form.prefix) : printIdiomatic(reading);

const UP = "headroom_probe_up";
const upText = (value: 0 | 1): string => `${familyHead(UP, "1 while the host can be read", "gauge")}${UP} ${value}\n`;

export class ExpositionSource {
  #problem: string | null = null;

  constructor(
    private readonly probe: Probe,
    private readonly form: ProbeForm,
    private readonly log: Log,
  ) {}

  /** Why the last reading failed; null when it did not. */
  get problem(): string | null {
    return this.#problem;
  }

  /** What is true whatever became of the reading: never throws but for a bug. */
  async text(): Promise<string> {
    try {
      const text = printReading(await this.probe.reading(), this.form);
      if (this.#problem !== null) this.log.info({}, "the host can be read again");
      this.#problem = null;
      return this.form.kind === "flat" ? text : upText(1) + text;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (this.#problem !== error.message) this.log.warn({ code: error.code, err: error }, "the host cannot be read");
      this.#problem = error.message;
      return this.form.kind === "flat" ? "" : upText(0);
    }
  }
}
