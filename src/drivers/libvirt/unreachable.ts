/** Why libvirt is not there, in one line, with what to do about it. */
import { userInfo } from "node:os";
import { OperationalError } from "../../ports/errors.js";
import { SERVER_ERROR } from "./procedures.js";
import { oneLine, ServerError } from "./server-error.js";
import type { LibvirtUri } from "./uri.js";
import { ProtocolError } from "./xdr.js";

/** The failure of an attempt to connect as `hypervisor-unreachable`; settings that are wrong stay what they are. */
export function unreachable(uri: LibvirtUri, error: unknown): OperationalError {
  if (error instanceof OperationalError && error.code === "bad-settings") return error;
  const message = `libvirt at ${uri.text} is not reachable: ${explain(uri, error)}`;
  const retryable = !(error instanceof OperationalError) || error.retryable;
  return new OperationalError("hypervisor-unreachable", message, retryable, { cause: error });
}

function explain(uri: LibvirtUri, error: unknown): string {
  // A connection that ended during the first calls: how it ended says more than during which.
  if (error instanceof OperationalError && error.cause !== undefined) return explain(uri, error.cause);
  if (error instanceof ProtocolError) return `what answers there does not speak libvirt's protocol (${error.message})`;
  if (error instanceof ServerError) return explainRefusal(error);
  const code = (error as NodeJS.ErrnoException).code ?? "";
  const known = uri.way.kind === "unix" ? LOCAL[code] : REMOTE[code];
  if (known) return known(uri);
  return oneLine(error instanceof Error ? error.message : String(error));
}

function explainRefusal(error: ServerError): string {
  const refused: readonly number[] = [SERVER_ERROR.authFailed, SERVER_ERROR.authCancelled, SERVER_ERROR.accessDenied];
  if (!refused.includes(error.code)) return `it refuses the connection: ${error.message}`;
  return `it does not let ${user()} in (${error.message}): ${joinGroup()}`;
}

const user = (): string => userInfo().username;
const joinGroup = (): string => `sudo usermod -aG libvirt ${user()}, then log in again`;

const START = "sudo systemctl enable --now libvirtd (or virtqemud)";

type Explanation = (uri: LibvirtUri) => string;

const socketOf = ({ way }: LibvirtUri): string => (way.kind === "unix" ? way.sockets.join(" nor ") : "");
const hostOf = ({ way }: LibvirtUri): string =>
  way.kind === "unix" || way.kind === "ssh" ? "" : `${way.host}:${way.port}`;

const LOCAL: Readonly<Record<string, Explanation>> = {
  ENOENT: (uri) => `there is no socket ${socketOf(uri)}: install libvirt-daemon-system, then ${START}`,
  ECONNREFUSED: (uri) => `nobody listens on ${socketOf(uri)}: ${START}`,
  EACCES: (uri) => `${user()} may not open ${socketOf(uri)}: ${joinGroup()}`,
  EPERM: (uri) => `${user()} may not open ${socketOf(uri)}: ${joinGroup()}`,
};

const REMOTE: Readonly<Record<string, Explanation>> = {
  ENOENT: ({ way }) =>
    way.kind === "ssh" ? `there is no program ${way.program}: install an ssh client` : "a certificate file is missing",
  ECONNREFUSED: (uri) => `nobody listens on ${hostOf(uri)}: start libvirtd there with --listen, or use qemu+ssh://`,
  ENOTFOUND: (uri) => `the name ${hostOf(uri)} is unknown`,
  EHOSTUNREACH: (uri) => `there is no way to ${hostOf(uri)}`,
  ENETUNREACH: (uri) => `there is no way to ${hostOf(uri)}`,
};
