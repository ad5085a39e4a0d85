/**
 * Refusals as values. A refusal is an answer ("no room", "name taken"), never an exception: it has a stable code that
 * the API documents, a sentence for people, and facts for programs.
 */
export const REFUSAL_CODES = [
  "no-cpu-capacity",
  "no-memory-capacity",
  "vm-larger-than-host",
  "ratio-not-offered",
  "name-taken",
  "unknown-vm",
  "restart-required",
  "host-cordoned",
  "image-not-found",
  "busy",
  /** The VM, or its host, cannot be moved live. */
  "not-movable",
  /** It was tried, and the VM is where it was. */
  "migration-failed",
  /** From a scheduler that another one has replaced: nothing was done. */
  "stale-leader",
  /** Its request id was revoked before it came. */
  "request-revoked",
] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

export interface Refusal {
  readonly code: RefusalCode;
  /** One sentence for a person, with the numbers that decided. */
  readonly reason: string;
  /** Facts behind the reason, for programs; JSON values only. */
  readonly details?: Readonly<Record<string, number | string | boolean | null>>;
}

export type Result<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusal: Refusal };

export const accept = <T>(value: T): Result<T> => ({ ok: true, value });

export const refuse = (code: RefusalCode, reason: string, details?: Refusal["details"]): Result<never> => ({
  ok: false,
  refusal: details === undefined ? { code, reason } : { code, reason, details },
});
