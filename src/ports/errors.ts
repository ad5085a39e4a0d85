/**
 * Operational failures: the world did not do what was asked. Stable codes, a cause, and whether a retry makes sense.
 * Refusals are values (core/result), bugs are `assert`.
 */
export const FAILURE_CODES = [
  "hypervisor-unreachable",
  "hypervisor-timeout",
  "hypervisor-failed",
  "domain-not-found",
  "domain-exists",
  "unsupported-by-hypervisor",
  "host-unreadable",
  "image-failed",
  "state-not-written",
  "state-corrupt",
  "bad-settings",
  "bad-input-file",
  "agent-unreachable",
  "store-unreachable",
  "store-timeout",
  "store-outcome-unknown",
  "store-locked",
  "store-failed",
  "sink-unreachable",
  "sink-failed",
] as const;
export type FailureCode = (typeof FAILURE_CODES)[number];

export class OperationalError extends Error {
  override readonly name: string = "OperationalError";
  constructor(
    readonly code: FailureCode,
    message: string,
    readonly retryable: boolean,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
