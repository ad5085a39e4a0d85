/**
 * Headroom's mark in a domain's <metadata>: an element of its own namespace, which libvirt keeps and hands back untouched. It
 * holds the ratio of each vCPU, which names its pool, so that a host can be rebuilt from libvirt alone.
 */
import { type MiB, mib } from "../../core/units.js";
import type { VmMetadata } from "../../ports/hypervisor.js";
import { childElements, type Element, isWritable, ownerOf, parseXml, serializeXml, textOf, XmlError } from "./xml.js";

/** A name, not a place: nothing is fetched from it. The number changes when older readers could not understand it. */
export const METADATA_NAMESPACE = "urn:headroom:vm:1";
export const METADATA_PREFIX = "headroom";
/** Domains with more are not believed; QEMU ends at 4096. */
const MOST_VCPUS = 8192;

type Make = (name: string) => Element;

/**
 * The element for `virDomainSetMetadata`: without its namespace, which libvirt puts on by itself and refuses to find there
 * already. Throws `XmlError` for text that XML cannot carry.
 */
export function metadataXml(metadata: VmMetadata): string {
  const { documentElement } = parseXml("<vm/>");
  fill(documentElement, metadata, (name) => ownerOf(documentElement).createElement(name));
  return serializeXml(documentElement);
}

/** Puts the element into `parent`, in place of one that is there. */
export function setMetadata(parent: Element, metadata: VmMetadata): void {
  for (const old of childElements(parent)) if (old.namespaceURI === METADATA_NAMESPACE) parent.removeChild(old);
  const make: Make = (name) => ownerOf(parent).createElementNS(METADATA_NAMESPACE, `${METADATA_PREFIX}:${name}`);
  const element = make("vm");
  parent.appendChild(element);
  fill(element, metadata, make);
}

function fill(element: Element, metadata: VmMetadata, make: Make): void {
  const texts = [metadata.requestId, metadata.image ?? "", metadata.overlay ?? ""];
  if (!texts.every(isWritable)) throw new XmlError("a character in the VM's metadata cannot be written in XML");
  const append = (name: string): Element => {
    const child = make(name);
    element.appendChild(child);
    return child;
  };
  element.setAttribute("request", metadata.requestId);
  element.setAttribute("ratios", metadata.perVcpu ? "per-vcpu" : "per-vm");
  if (metadata.memoryMiB !== undefined) element.setAttribute("memory-mib", String(metadata.memoryMiB));
  metadata.vcpuRatios.forEach((ratio, index) => {
    const vcpu = append("vcpu");
    vcpu.setAttribute("index", String(index));
    vcpu.setAttribute("ratio", String(ratio));
  });
  if (metadata.image !== null) append("image").textContent = metadata.image;
  if (metadata.overlay !== null) append("overlay").textContent = metadata.overlay;
}

/** What the domain carries; null when it carries nothing of ours. Throws `XmlError` when ours is damaged. */
export function readMetadata(domain: Element): VmMetadata | null {
  const marks = childElements(domain, "metadata")
    .flatMap((metadata) => childElements(metadata, "vm"))
    .filter((element) => element.namespaceURI === METADATA_NAMESPACE);
  const mark = marks[0];
  if (!mark) return null;
  const requestId = mark.getAttribute("request") ?? "";
  if (requestId === "") throw new XmlError("the request id is missing");
  const ratios = mark.getAttribute("ratios");
  if (ratios !== "per-vm" && ratios !== "per-vcpu") throw new XmlError(`ratios are "${ratios}"`);
  return {
    vcpuRatios: readRatios(mark),
    perVcpu: ratios === "per-vcpu",
    ...readMemory(mark),
    requestId,
    image: textOf(childElements(mark, "image")[0] ?? null),
    overlay: textOf(childElements(mark, "overlay")[0] ?? null),
  };
}

/** Marks of before 0.2 have none. */
function readMemory(mark: Element): { readonly memoryMiB?: MiB } {
  const text = mark.getAttribute("memory-mib");
  if (text === null) return {};
  const size = Number(text);
  if (!/^\d{1,12}(\.\d{1,20})?$/.test(text) || size <= 0) throw new XmlError(`the memory sold is "${text}"`);
  return { memoryMiB: mib(size) };
}

function readRatios(mark: Element): readonly number[] {
  const vcpus = childElements(mark, "vcpu");
  if (vcpus.length === 0 || vcpus.length > MOST_VCPUS) throw new XmlError(`it lists ${vcpus.length} vCPUs`);
  return vcpus.map((vcpu, index) => {
    const text = vcpu.getAttribute("ratio") ?? "";
    const ratio = Number(text);
    if (vcpu.getAttribute("index") !== String(index)) throw new XmlError(`vCPU ${index} is not in its place`);
    if (!/^\d{1,6}(\.\d{1,9})?$/.test(text) || ratio <= 0)
      throw new XmlError(`the ratio of vCPU ${index} is "${text}"`);
    return ratio;
  });
}
