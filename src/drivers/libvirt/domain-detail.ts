/** Reads what a domain's XML says, ours or foreign. Pure; unreadable marks of ours are reported, not fatal. */
import { type MiB, mib } from "../../core/units.js";
import type { DomainDetail, VmMetadata } from "../../ports/hypervisor.js";
import { readMetadata } from "./metadata-xml.js";
import { childElements, descend, type Element, parseXml, textOf, XmlError } from "./xml.js";

export type DomainText = Omit<DomainDetail, "state" | "persistent">;

export interface DomainReading {
  readonly domain: DomainText;
  /** Why the domain's Headroom metadata were taken for none; null: there are none, or they are well. */
  readonly damagedMetadata: string | null;
}

/** Throws `XmlError` where the text is not the XML of a domain. */
export function readDomainXml(text: string): DomainReading {
  const root = parseXml(text).documentElement;
  if (root.tagName !== "domain") throw new XmlError(`<${root.tagName}> instead of <domain>`);
  const vcpu = descend(root, "vcpu");
  const maximumVcpus = count(textOf(vcpu) ?? "1", "vcpu");
  const maximumMemoryMiB = memoryOf(root, "memory");
  const { metadata, damagedMetadata } = metadataOf(root);
  const domain: DomainText = {
    name: required(root, "name"),
    uuid: required(root, "uuid").toLowerCase(),
    vcpus: count(vcpu?.getAttribute("current") ?? String(maximumVcpus), "vcpu current"),
    maximumVcpus,
    memoryMiB: descend(root, "currentMemory") ? memoryOf(root, "currentMemory") : maximumMemoryMiB,
    maximumMemoryMiB,
    metadata,
    disks: disksOf(root),
  };
  return { domain, damagedMetadata };
}

function metadataOf(root: Element): { metadata: VmMetadata | null; damagedMetadata: string | null } {
  try {
    return { metadata: readMetadata(root), damagedMetadata: null };
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    return { metadata: null, damagedMetadata: error.message };
  }
}

function disksOf(root: Element): readonly string[] {
  const devices = descend(root, "devices");
  if (devices === null) return [];
  return childElements(devices, "disk").flatMap((disk) => {
    const source = descend(disk, "source");
    const path = source?.getAttribute("file") || source?.getAttribute("dev");
    return path ? [path] : [];
  });
}

function required(root: Element, name: string): string {
  // Not trimmed: a name may start with a space.
  const text = descend(root, name)?.textContent;
  if (!text) throw new XmlError(`<${name}> is missing`);
  return text;
}

function count(text: string, what: string): number {
  const value = Number(text);
  if (!/^\d{1,9}$/.test(text) || value < 1) throw new XmlError(`<${what}> is "${text}"`);
  return value;
}

/** libvirt writes KiB; the other units are those that people may write. */
const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1000,
  k: 1024,
  KiB: 1024,
  MB: 1000 ** 2,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1000 ** 3,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1000 ** 4,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

/** Rounded up to whole MiB: what a foreign domain was given must fit where it is counted. */
function memoryOf(root: Element, name: string): MiB {
  const element = descend(root, name);
  const text = textOf(element) ?? "";
  const unit = element?.getAttribute("unit") || "KiB";
  const bytesPerUnit = BYTES_PER_UNIT[unit];
  if (!/^\d{1,18}$/.test(text) || bytesPerUnit === undefined) throw new XmlError(`<${name}> is "${text}" ${unit}`);
  return mib(Math.ceil((Number(text) * bytesPerUnit) / 1024 ** 2));
}
