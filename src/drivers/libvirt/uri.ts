/**
 * Reads libvirt's connection URIs: which hypervisor driver is meant, and by which way its daemon is reached. Pure; the ways
 * themselves are the transport-*.ts files. Parameters that name things Headroom does not do are refused, not ignored.
 */
import { OperationalError } from "../../ports/errors.js";

export type Way =
  | { readonly kind: "unix" /** Tried in this order. */; readonly sockets: readonly string[] }
  | { readonly kind: "tcp"; readonly host: string; readonly port: number }
  | {
      readonly kind: "tls";
      readonly host: string;
      readonly port: number;
      /** Folder with cacert.pem, clientcert.pem, clientkey.pem; null: libvirt's own places. */
      readonly pkiFolder: string | null;
      readonly verify: boolean;
    }
  | {
      readonly kind: "ssh";
      readonly host: string;
      readonly user: string | null;
      readonly port: number | null;
      readonly program: string;
      readonly keyFile: string | null;
      readonly verifyHostKey: boolean;
      readonly proxy: "auto" | "native" | "netcat";
      readonly netcat: string;
      readonly socket: string;
    };

export interface LibvirtUri {
  readonly text: string;
  /** What the daemon is asked to open: `qemu:///system`. */
  readonly remoteUri: string;
  readonly way: Way;
  /** The daemon shares this machine's files and /proc. */
  readonly local: boolean;
}

export interface UriContext {
  /** Of the user's session daemon: the folder of its sockets' parent (`/run/user/1000`). */
  readonly runtimeFolder: string;
}

const DRIVERS = new Set(["qemu", "test"]);
const PATHS: Readonly<Record<string, ReadonlySet<string>>> = {
  qemu: new Set(["/system", "/session"]),
  test: new Set(["/default"]),
};
const PORTS = { tcp: 16_509, tls: 16_514 } as const;
const COMMON = ["name"];
const PARAMETERS: Readonly<Record<string, ReadonlySet<string>>> = {
  unix: new Set([...COMMON, "socket", "mode"]),
  tcp: new Set(COMMON),
  tls: new Set([...COMMON, "pkipath", "no_verify"]),
  ssh: new Set([...COMMON, "socket", "mode", "command", "keyfile", "no_verify", "no_tty", "proxy", "netcat"]),
};

/** Throws `bad-settings` with the part that is wrong and what is allowed. */
export function parseLibvirtUri(text: string, context: UriContext): LibvirtUri {
  const url = asUrl(text);
  const [driver = "", transport] = url.protocol.slice(0, -1).split("+");
  if (!DRIVERS.has(driver)) throw bad(text, `"${driver}" is no hypervisor that Headroom drives (qemu, test)`);
  const host = decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, "$1");
  const kind = transport ?? (host === "" ? "unix" : "tls");
  const allowed = PARAMETERS[kind];
  if (!allowed) throw bad(text, `"+${kind}" is no way to libvirt (unix, tcp, tls, ssh)`);
  if (!PATHS[driver]?.has(url.pathname)) {
    throw bad(text, `the path is "${url.pathname}"; ${driver} has ${[...(PATHS[driver] ?? [])].join(" and ")}`);
  }
  for (const name of url.searchParams.keys()) {
    if (!allowed.has(name)) throw bad(text, `"${name}" is no parameter of ${kind} (${[...allowed].sort().join(", ")})`);
  }
  const remoteUri = url.searchParams.get("name") ?? `${driver}://${url.pathname}`;
  const way = wayOf(text, kind, host, url, context);
  return { text, remoteUri, way, local: way.kind === "unix" };
}

function asUrl(text: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw new OperationalError("bad-settings", `hypervisor "${text}": not a URI such as qemu:///system`, false, {
      cause,
    });
  }
}

function wayOf(text: string, kind: string, host: string, url: URL, context: UriContext): Way {
  const daemon = url.protocol.startsWith("test") ? null : "virtqemud-sock";
  const session = url.pathname === "/session";
  if (kind === "unix") {
    if (host !== "") throw bad(text, "a local socket has no host name");
    const folder = session ? `${context.runtimeFolder}/libvirt` : "/run/libvirt";
    return { kind, sockets: socketsOf(url, folder, daemon) };
  }
  if (host === "") throw bad(text, `${kind} needs a host name: qemu+${kind}://host/system`);
  // A name that starts with a dash would be read as an option by ssh.
  if (!/^[A-Za-z0-9_:][A-Za-z0-9._:%-]*$/.test(host)) throw bad(text, `"${host}" is no host name`);
  if (kind === "ssh") return sshWay(text, host, url, daemon);
  const port = url.port === "" ? PORTS[kind as "tcp" | "tls"] : Number(url.port);
  if (kind === "tcp") return { kind, host, port };
  const pkiFolder = url.searchParams.get("pkipath");
  return { kind: "tls", host, port, pkiFolder, verify: url.searchParams.get("no_verify") !== "1" };
}

function socketsOf(url: URL, folder: string, daemon: string | null): readonly string[] {
  const socket = url.searchParams.get("socket");
  if (socket !== null) return [socket];
  const legacy = `${folder}/libvirt-sock`;
  const mode = url.searchParams.get("mode") ?? "auto";
  if (daemon === null || mode === "legacy") return [legacy];
  return mode === "direct" ? [`${folder}/${daemon}`] : [`${folder}/${daemon}`, legacy];
}

function sshWay(text: string, host: string, url: URL, daemon: string | null): Way {
  const user = decodeURIComponent(url.username);
  if (user.startsWith("-")) throw bad(text, `"${user}" is no user name`);
  const proxy = url.searchParams.get("proxy") ?? "auto";
  if (proxy !== "auto" && proxy !== "native" && proxy !== "netcat") {
    throw bad(text, `proxy is "${proxy}"; allowed: auto, native, netcat`);
  }
  return {
    kind: "ssh",
    host,
    user: user === "" ? null : user,
    port: url.port === "" ? null : Number(url.port),
    program: url.searchParams.get("command") ?? "ssh",
    keyFile: url.searchParams.get("keyfile"),
    verifyHostKey: url.searchParams.get("no_verify") !== "1",
    proxy,
    netcat: url.searchParams.get("netcat") ?? "nc",
    socket: socketsOf(url, "/run/libvirt", daemon).at(-1) ?? "/run/libvirt/libvirt-sock",
  };
}

const bad = (text: string, why: string): OperationalError =>
  new OperationalError("bad-settings", `hypervisor "${text}": ${why}`, false);
