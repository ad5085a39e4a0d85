/**
 * Bearer tokens and their roles. A token is 256 random bits; what is stored is its SHA-256. A slow password hash would add
 * nothing: it protects guessable secrets, and 2^256 guesses are out of reach at any speed, while every request would pay.
 * Leaves out expiry and users: a token is revoked by deleting its line and restarting (docs/security.md).
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { OperationalError } from "../ports/errors.js";

export const ROLES = ["viewer", "operator", "agent"] as const;
/** viewer: reads. agent: other parts of Headroom, which also deploy, resize and remove. operator: everything. */
export type Role = (typeof ROLES)[number];

/** What a call does, as far as permission goes. `open` needs no token ever. */
export type Access = "open" | "read" | "change" | "operate";

const MAY: Readonly<Record<Role, readonly Access[]>> = {
  viewer: ["open", "read"],
  agent: ["open", "read", "change"],
  operator: ["open", "read", "change", "operate"],
};

export const mayAccess = (role: Role, access: Access): boolean => MAY[role].includes(access);

export interface TokenEntry {
  readonly role: Role;
  /** SHA-256 of the token, 32 bytes. */
  readonly hash: Buffer;
}
export type TokenTable = readonly TokenEntry[];

/** The bearer: `id` tells tokens apart (for idempotency keys and logs) without telling the token. */
export interface Bearer {
  readonly role: Role;
  readonly id: string;
}

const TOKEN_BYTES = 32;
/** Makes a token recognisable to people and to secret scanners. */
const TOKEN_PREFIX = "headroom_";

const sha256 = (token: string): Buffer => createHash("sha256").update(token, "utf8").digest();

/** `line` goes into the tokens file; `token` is shown once and kept nowhere. */
export function createToken(role: Role): { readonly token: string; readonly line: string } {
  const token = TOKEN_PREFIX + randomBytes(TOKEN_BYTES).toString("base64url");
  return { token, line: `${role}:${sha256(token).toString("hex")}` };
}

/**
 * Reads a tokens file: one `role:sha256hex` per line, blank lines and `#` comments (also after an entry) apart. Throws
 * `bad-settings` naming file and line; a file without any token is an error too: it would lock everybody out.
 */
export function parseTokens(text: string, file: string): TokenTable {
  const entries: TokenEntry[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.replace(/#.*/, "").trim();
    if (line === "") continue;
    const match = /^([a-z]+):([0-9a-f]{64})$/.exec(line);
    const role = ROLES.find((known) => known === match?.[1]);
    if (match === null || role === undefined)
      throw new OperationalError(
        "bad-settings",
        `Tokens file ${file}, line ${index + 1}: expected role:sha256 in hex, with a role of ${ROLES.join(", ")}. ` +
          "`headroom token create --role operator` prints such a line.",
        false,
      );
    entries.push({ role, hash: Buffer.from(match[2] ?? "", "hex") });
  }
  if (entries.length === 0)
    throw new OperationalError(
      "bad-settings",
      `Tokens file ${file} holds no token. Add one: headroom token create --role operator --file ${file}`,
      false,
    );
  return entries;
}

/** Whose token this is; null when nobody's. Compares with every entry, so that the time tells nothing. */
export function bearerOf(token: string, table: TokenTable): Bearer | null {
  const presented = sha256(token);
  let found: TokenEntry | null = null;
  for (const entry of table) if (timingSafeEqual(entry.hash, presented)) found = entry;
  return found === null ? null : { role: found.role, id: found.hash.subarray(0, 6).toString("hex") };
}

/** The token of an `Authorization` header; null when it is not a bearer's (RFC 6750, 2.1). */
export function bearerToken(header: string): string | null {
  return /^Bearer +([A-Za-z0-9._~+/-]{1,512}=*) *$/i.exec(header)?.[1] ?? null;
}
