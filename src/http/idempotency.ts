/**
 * `Idempotency-Key`: the same key gives the same answer. The first request with a key runs; those that come while it runs
 * wait for it; later ones get its answer again. A key under another request is refused. Answers that say "try again" are
 * forgotten, since nothing was done. Memory is bounded: the oldest answers go first. What must hold across a restart (a
 * deploy) the agent remembers by its request id, which is the key.
 */
import { createHash } from "node:crypto";
import type { Clock } from "../ports/clock.js";
import { RequestError } from "./problem.js";

/** What a handler answers; plain data, so that it can be kept and sent again. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

interface Entry {
  readonly fingerprint: string;
  readonly answer: Promise<Answer>;
  readonly expires: number;
}

/** Any visible ASCII up to the length that the domain's metadata keeps; quotes of the structured form are dropped. */
const KEY = /^"?([\x21\x23-\x7e]{1,128})"?$/;

/** Throws `RequestError` naming the header. Null when there is none. */
export function idempotencyKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const key = typeof header === "string" ? KEY.exec(header)?.[1] : undefined;
  if (key !== undefined) return key;
  const allowed = "1 to 128 visible ASCII characters, once";
  throw new RequestError("invalid-parameters", `idempotency-key: is not allowed; allowed: ${allowed}`, [
    {
      in: "header",
      field: "idempotency-key",
      fault: "not-allowed",
      message: `is not allowed; allowed: ${allowed}`,
      allowed,
    },
  ]);
}

/** Tells requests apart: method, path and body as understood, so that spacing and field order do not matter. */
export function fingerprint(method: string, path: string, body: unknown): string {
  return createHash("sha256")
    .update(`${method} ${path}\n${canonical(body)}`)
    .digest("base64");
}

function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(",")}}`;
}

export class IdempotencyStore {
  /** In order of arrival, which is the order of expiry. */
  private readonly entries = new Map<string, Entry>();

  constructor(
    private readonly clock: Clock,
    private readonly maximumKeys: number,
    private readonly keepMs: number,
  ) {}

  /**
   * Runs `work`, or gives the answer of the request that had the key before. `scope` keeps bearers apart. Throws
   * `idempotency-key-reused`, and what `work` throws.
   */
  async run(
    scope: string,
    key: string,
    print: string,
    work: () => Promise<Answer>,
  ): Promise<{ readonly answer: Answer; readonly replayed: boolean }> {
    const id = `${scope} ${key}`;
    this.forgetExpired();
    const known = this.entries.get(id);
    if (known !== undefined) {
      if (known.fingerprint !== print)
        throw new RequestError("idempotency-key-reused", `The Idempotency-Key ${key} was used for another request`);
      return { answer: await known.answer, replayed: true };
    }
    const answer = work();
    this.entries.set(id, { fingerprint: print, answer, expires: this.clock.monotonic() + this.keepMs });
    this.makeRoom();
    try {
      const result = await answer;
      if (result.status >= 500) this.forget(id, answer);
      return { answer: result, replayed: false };
    } catch (error) {
      this.forget(id, answer);
      throw error;
    }
  }

  private forget(id: string, answer: Promise<Answer>): void {
    if (this.entries.get(id)?.answer === answer) this.entries.delete(id);
  }

  private forgetExpired(): void {
    const now = this.clock.monotonic();
    for (const [id, entry] of this.entries) {
      if (entry.expires > now) return;
      this.entries.delete(id);
    }
  }

  private makeRoom(): void {
    for (const id of this.entries.keys()) {
      if (this.entries.size <= this.maximumKeys) return;
      this.entries.delete(id);
    }
  }
}
