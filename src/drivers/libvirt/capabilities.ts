/** What libvirt says of the host: its uuid and architecture, and the domain types and QEMU program for guests. */
import { childElements, descend, parseXml, textOf, XmlError } from "./xml.js";

export interface Capabilities {
  readonly arch: string;
  /** `kvm`, `qemu`, `test` ...: for full virtualisation on the host's architecture. */
  readonly domainTypes: ReadonlySet<string>;
  readonly emulator: string | null;
  /** Of the host, from its firmware or libvirtd.conf; null where it has none. */
  readonly hostUuid: string | null;
}

/** What stands there when nobody knows one. */
const NO_UUID = /^[0-]*$/;

/** Throws `XmlError`. */
export function readCapabilities(text: string): Capabilities {
  const root = parseXml(text).documentElement;
  const arch = textOf(descend(root, "host", "cpu", "arch"));
  if (arch === null || arch === "") throw new XmlError("the capabilities name no architecture");
  const uuid = textOf(descend(root, "host", "uuid")) ?? "";
  const guests = childElements(root, "guest").flatMap((guest) => {
    const found = descend(guest, "arch");
    return found && textOf(descend(guest, "os_type")) === "hvm" ? [found] : [];
  });
  // The test driver runs architectures that its host has not.
  const found = guests.find((guest) => guest.getAttribute("name") === arch) ?? guests[0] ?? null;
  const types = found ? childElements(found, "domain").map((domain) => domain.getAttribute("type") ?? "") : [];
  return {
    arch: found?.getAttribute("name") ?? arch,
    domainTypes: new Set(types),
    emulator: found ? textOf(descend(found, "emulator")) : null,
    hostUuid: NO_UUID.test(uuid) ? null : uuid,
  };
}
