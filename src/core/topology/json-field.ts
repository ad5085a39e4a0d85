/** A place in a JSON document that says of itself what is wrong: reads checked values, errors name the path. */
import { type CpuSet, parseCpuSet } from "../cpuset.js";
import { TopologyFormatError } from "./format-error.js";

/** As much of a wrong value as helps a person find it. */
const SHOWN_CHARACTERS = 40;

export class JsonField {
  private constructor(
    private readonly value: unknown,
    readonly path: string,
  ) {}

  /** Throws `TopologyFormatError` when the text is no JSON object. */
  static parse(text: string): JsonField {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TopologyFormatError("the document", `no JSON (${why})`, "a JSON object");
    }
    const field = new JsonField(value, "the document");
    field.object();
    return field;
  }

  get present(): boolean {
    return this.value !== undefined && this.value !== null;
  }

  wrong(allowed: string): TopologyFormatError {
    if (this.value === undefined) return new TopologyFormatError(this.path, "missing", allowed);
    const text = JSON.stringify(this.value);
    const found = text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
    return new TopologyFormatError(this.path, found, allowed);
  }

  private object(): Readonly<Record<string, unknown>> {
    if (typeof this.value !== "object" || this.value === null || Array.isArray(this.value))
      throw this.wrong("an object");
    return this.value as Readonly<Record<string, unknown>>;
  }

  get(key: string): JsonField {
    const object = this.object();
    const path = this.path === "the document" ? key : `${this.path}.${key}`;
    return new JsonField(Object.hasOwn(object, key) ? object[key] : undefined, path);
  }

  /** Entries of an object whose keys are whole numbers, ascending by key. */
  numberedEntries(): readonly (readonly [number, JsonField])[] {
    return Object.keys(this.object())
      .map((key) => {
        if (!/^\d{1,9}$/.test(key)) throw new TopologyFormatError(this.path, `keyed "${key}"`, "whole numbers as keys");
        return [Number(key), this.get(key)] as const;
      })
      .sort(([a], [b]) => a - b);
  }

  list(): readonly JsonField[] {
    if (!Array.isArray(this.value)) throw this.wrong("a list");
    return this.value.map((value: unknown, i) => new JsonField(value, `${this.path}[${i}]`));
  }

  whole(minimum: number, maximum: number): number {
    const { value } = this;
    if (typeof value !== "number" || !Number.isInteger(value) || value < minimum || value > maximum) {
      throw this.wrong(`a whole number from ${minimum} to ${maximum}`);
    }
    return value;
  }

  wholes(minimum: number, maximum: number): readonly number[] {
    return this.list().map((field) => field.whole(minimum, maximum));
  }

  /** A finite number from `minimum`. */
  number(minimum: number): number {
    const { value } = this;
    if (typeof value !== "number" || !Number.isFinite(value) || value < minimum)
      throw this.wrong(`a number from ${minimum}`);
    return value;
  }

  text(): string {
    if (typeof this.value !== "string") throw this.wrong("a text");
    return this.value;
  }

  /** A CPU set as text, such as `0-3,8`. */
  cpuSet(): CpuSet {
    try {
      return parseCpuSet(this.text());
    } catch (error) {
      if (error instanceof RangeError) throw this.wrong(`a CPU set such as 0-3,8 (${error.message})`);
      throw error;
    }
  }
}
