/** Whose host a hypervisor's URI means: this machine, another one, libvirt's test driver, or a fake. */

export type HypervisorKind = "local" | "remote" | "test" | "fake";

/** As libvirt writes addresses: `qemu:///system`, `qemu+ssh://user@host:22/system`. */
const HOST_PART = /^[a-z]+(?:\+[a-z0-9]+)?:\/\/(?:[^@/?]*@)?(\[[^\]]*\]|[^:/?]*)/;
const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|\[::1\]|::1|localhost)$/;

export const isLoopbackName = (name: string): boolean => LOOPBACK.test(name);

export function hypervisorKind(uri: string): HypervisorKind {
  if (uri.startsWith("fake:")) return "fake";
  if (/^test(\+|:)/.test(uri)) return "test";
  const host = HOST_PART.exec(uri)?.[1] ?? "";
  return host === "" || isLoopbackName(host) ? "local" : "remote";
}
