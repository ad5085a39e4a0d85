/** Where a guest is handed over: the destination's libvirtd, and the address to which QEMU sends the memory. Pure. */
import { OperationalError } from "../../ports/errors.js";
import { type LibvirtUri, parseLibvirtUri } from "./uri.js";

export interface Destination {
  readonly uri: LibvirtUri;
  /** The port is the destination's to choose. */
  readonly dataUri: string;
}

/**
 * Throws `bad-settings` for what is no address that other machines can reach. Parameters are refused: an address comes over the
 * network, and some of them name programs and files of this machine.
 */
export function destinationOf(address: string): Destination {
  const uri = parseLibvirtUri(address, { runtimeFolder: "" });
  const { way } = uri;
  if (address.includes("?")) {
    throw new OperationalError("bad-settings", `migration address "${address}": it takes no parameters`, false);
  }
  if (way.kind === "unix" || !uri.remoteUri.startsWith("qemu://")) {
    const why =
      "it must be one that other hosts reach: qemu+tls://HOST/system, qemu+ssh://HOST/system or qemu+tcp://HOST/system";
    throw new OperationalError("bad-settings", `migration address "${address}": ${why}`, false);
  }
  return { uri, dataUri: `tcp://${way.host.includes(":") ? `[${way.host}]` : way.host}` };
}
