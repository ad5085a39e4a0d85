/**
 * JSON as RFC 8259 writes it, without the leniency that lets two readers of one text disagree: a field given twice, a
 * number that a double cannot hold, `__proto__`, deep nesting and broken UTF-8 are errors that say where. Objects have no
 * prototype. Meant for small request bodies: clarity before speed.
 */
export class JsonFault extends Error {
  override readonly name = "JsonFault";
  constructor(
    message: string,
    /** Path of the field at fault (`disk.path`), or null where the text itself is broken. */
    readonly field: string | null = null,
    readonly doubled = false,
  ) {
    super(message);
  }
}

/** Requests nest two levels at most; 16 leaves room and stops stack games. */
const MAX_DEPTH = 16;
const FORBIDDEN_FIELDS = new Set(["__proto__", "constructor", "prototype"]);
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 bans exactly these in strings.
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;
const WORD = /true|false|null/y;
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Throws `JsonFault`. */
export function parseStrictJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new JsonFault("the body is not UTF-8");
  }
  const reader = new Reader(text);
  const value = reader.value([]);
  reader.end();
  return value;
}

class Reader {
  private position = 0;
  constructor(private readonly text: string) {}

  value(path: readonly string[]): unknown {
    if (path.length > MAX_DEPTH) throw new JsonFault(`nested deeper than ${MAX_DEPTH} levels`);
    this.match(SPACE);
    const next = this.text[this.position];
    if (next === "{") return this.object(path);
    if (next === "[") return this.array(path);
    if (next === '"') return this.string();
    const word = this.match(WORD);
    if (word !== null) return word === "null" ? null : word === "true";
    return this.number(path);
  }

  end(): void {
    this.match(SPACE);
    if (this.position < this.text.length) throw this.broken("the end of the body");
  }

  private object(path: readonly string[]): Record<string, unknown> {
    const out: Record<string, unknown> = Object.create(null);
    this.position++;
    if (this.skips("}")) return out;
    do {
      this.match(SPACE);
      const key = this.string();
      const inside = [...path, key];
      const field = inside.join(".");
      if (FORBIDDEN_FIELDS.has(key)) throw new JsonFault(`the field ${JSON.stringify(key)} is not accepted`, field);
      if (Object.hasOwn(out, key)) throw new JsonFault(`the field ${JSON.stringify(key)} is given twice`, field, true);
      if (!this.skips(":")) throw this.broken('":"');
      out[key] = this.value(inside);
    } while (this.skips(","));
    if (!this.skips("}")) throw this.broken('"," or "}"');
    return out;
  }

  private array(path: readonly string[]): unknown[] {
    const out: unknown[] = [];
    this.position++;
    if (this.skips("]")) return out;
    do out.push(this.value([...path, String(out.length)]));
    while (this.skips(","));
    if (!this.skips("]")) throw this.broken('"," or "]"');
    return out;
  }

  private string(): string {
    const literal = this.match(STRING);
    if (literal === null) throw this.broken("a string");
    const value: string = JSON.parse(literal);
    if (LONE_SURROGATE.test(value))
      throw new JsonFault("a string holds half of a surrogate pair, which is no character");
    return value;
  }

  private number(path: readonly string[]): number {
    const literal = this.match(NUMBER);
    if (literal === null) throw this.broken("a value");
    const value = Number(literal);
    if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value)))
      throw new JsonFault(`the number ${literal.slice(0, 24)} is beyond what a double holds exactly`, path.join("."));
    return value;
  }

  private skips(mark: string): boolean {
    this.match(SPACE);
    if (this.text[this.position] !== mark) return false;
    this.position++;
    return true;
  }

  /** Matches at the position and moves past it; null when the pattern does not match there. */
  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.position;
    const found = pattern.exec(this.text);
    if (found === null) return null;
    this.position = pattern.lastIndex;
    return found[0];
  }

  private broken(expected: string): JsonFault {
    const at = this.position;
    if (at >= this.text.length) return new JsonFault(`the body ends where ${expected} should be`);
    return new JsonFault(`at character ${at + 1}: ${expected} should be here, not ${JSON.stringify(this.text[at])}`);
  }
}
