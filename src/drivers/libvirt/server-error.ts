/** What a daemon answers instead of a result, and how its codes become Headroom's. */
import { type FailureCode, OperationalError } from "../../ports/errors.js";
import { SERVER_ERROR } from "./procedures.js";
import { ProtocolError, type XdrReader } from "./xdr.js";
import { XmlError } from "./xml.js";

const LONGEST_MESSAGE = 4_194_304;
const SHOWN_CHARACTERS = 600;

/** The daemon's own refusal; never leaves the driver. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  constructor(
    /** `virErrorNumber`. */
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** One line, whatever the daemon sent. */
export const oneLine = (text: string): string => {
  // Control characters of a stranger have no business in a log or on a terminal.
  const line = text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return line.length > SHOWN_CHARACTERS ? `${line.slice(0, SHOWN_CHARACTERS)}...` : line;
};

/** Reads the start of `remote_error`: code, domain of the error, message. What follows says nothing more to us. */
export function readServerError(reader: XdrReader): ServerError {
  const code = reader.int();
  reader.int();
  const message = reader.optionalString(LONGEST_MESSAGE);
  return new ServerError(code, oneLine(message ?? `error ${code} without a message`));
}

const CODES: ReadonlyMap<number, { readonly code: FailureCode; readonly retryable: boolean }> = new Map([
  [SERVER_ERROR.noDomain, { code: "domain-not-found", retryable: false }],
  [SERVER_ERROR.noSupport, { code: "unsupported-by-hypervisor", retryable: false }],
  [SERVER_ERROR.configUnsupported, { code: "unsupported-by-hypervisor", retryable: false }],
  [SERVER_ERROR.operationUnsupported, { code: "unsupported-by-hypervisor", retryable: false }],
  [SERVER_ERROR.operationTimeout, { code: "hypervisor-timeout", retryable: true }],
  [SERVER_ERROR.resourceBusy, { code: "hypervisor-failed", retryable: true }],
  [SERVER_ERROR.rpc, { code: "hypervisor-failed", retryable: true }],
]);

/** `what` was being done ("start VM a"): the failure as Headroom's kind. Anything that is no failure of libvirt passes through. */
export function asOperational(what: string, error: unknown): unknown {
  if (error instanceof ServerError) {
    const known = CODES.get(error.code) ?? { code: "hypervisor-failed" as const, retryable: false };
    return new OperationalError(known.code, `${what}: libvirt says: ${error.message}`, known.retryable, {
      cause: error,
    });
  }
  if (error instanceof ProtocolError || error instanceof XmlError) {
    const message = `${what}: libvirt's answer makes no sense: ${error.message}`;
    return new OperationalError("hypervisor-failed", message, false, { cause: error });
  }
  return error;
}
