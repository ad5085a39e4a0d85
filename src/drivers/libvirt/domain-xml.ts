/**
 * Builds the definition of a new domain from a template and what was decided: the template says what kind of machine it is,
 * Headroom says who it is, how large, where it is pinned and what it carries. `{word}`s of the template are replaced in texts
 * and attribute values of the parsed document, so that no value can become markup. Pure.
 */
import { type CpuSet, cpuSetOf, formatCpuSet } from "../../core/cpuset.js";
import { OperationalError } from "../../ports/errors.js";
import type { DomainSpec } from "../../ports/hypervisor.js";
import { setMetadata } from "./metadata-xml.js";
import {
  appendElement,
  childElements,
  type Document,
  descend,
  type Element,
  ensureChild,
  isElement,
  isWritable,
  parseXml,
  serializeXml,
  setChildText,
  XmlError,
} from "./xml.js";

/** What the host adds to every domain. */
export interface DomainHost {
  /** Domain type: kvm, qemu, test. */
  readonly accelerator: string;
  readonly arch: string;
  /** Null: as the template or libvirt has it. */
  readonly emulator: string | null;
  readonly machine: string | null;
}

export interface DomainTemplate {
  /** A path, or "built-in": for messages. */
  readonly source: string;
  readonly document: Document & { readonly documentElement: Element };
}

type Substitutions = Readonly<Record<string, string>>;

const substitutionsOf = (spec: DomainSpec, host: DomainHost): Substitutions => ({
  name: spec.name,
  uuid: spec.uuid,
  vcpus: String(spec.vcpus),
  maximumVcpus: String(spec.maximumVcpus),
  memoryMiB: String(spec.memoryMiB),
  maximumMemoryMiB: String(spec.maximumMemoryMiB),
  accelerator: host.accelerator,
  arch: host.arch,
  diskPath: spec.disk?.path ?? "",
  diskFormat: spec.disk?.format ?? "",
});

/** The words that a template may use, in braces. */
export const TEMPLATE_WORDS = [
  "name",
  "uuid",
  "vcpus",
  "maximumVcpus",
  "memoryMiB",
  "maximumMemoryMiB",
  "accelerator",
  "arch",
  "diskPath",
  "diskFormat",
] as const;

/** Letters only, so that the JSON of a `qemu:commandline` is left alone. */
const WORD = /\{([A-Za-z]+)\}/g;
const KNOWN_WORDS: ReadonlySet<string> = new Set(TEMPLATE_WORDS);

/** Throws `bad-settings` that names the template and what is wrong with it. */
export function loadTemplate(text: string, source: string): DomainTemplate {
  let document: DomainTemplate["document"];
  try {
    document = parseXml(text);
  } catch (error) {
    if (!(error instanceof XmlError)) throw error;
    throw badTemplate(source, `it is not well-formed XML: ${error.message}`, error);
  }
  const root = document.documentElement;
  if (root.tagName !== "domain") throw badTemplate(source, `it holds <${root.tagName}>, not <domain>`);
  eachText(root, (value) => {
    for (const [, word = ""] of value.matchAll(WORD)) {
      if (!KNOWN_WORDS.has(word)) {
        throw badTemplate(source, `{${word}} is unknown; there are ${TEMPLATE_WORDS.map((w) => `{${w}}`).join(", ")}`);
      }
    }
    return value;
  });
  return { source, document };
}

/** The XML for `virDomainDefineXML`. Throws `bad-settings` where the template cannot hold the VM. */
export function buildDomainXml(template: DomainTemplate, spec: DomainSpec, host: DomainHost): string {
  const values = substitutionsOf(spec, host);
  for (const [word, value] of Object.entries(values)) {
    if (isWritable(value)) continue;
    throw new OperationalError("hypervisor-failed", `the VM's ${word} holds a character that XML cannot carry`, false);
  }
  const document = template.document.cloneNode(true) as DomainTemplate["document"];
  const domain = document.documentElement;
  placeDisk(domain, spec, template.source);
  eachText(domain, (text) => text.replace(WORD, (whole, word: string) => values[word] ?? whole));
  domain.setAttribute("type", host.accelerator);
  domain.removeAttribute("id");
  setDecided(domain, spec);
  setMachine(domain, host);
  return serializeXml(document);
}

/**
 * The stored definition of an existing domain with the new size, pins and metadata. Everything else stays: addresses of
 * devices and network cards, and what the operator changed by hand. Null when the VM's disk is none of its disks: then it must
 * be built anew. Throws `XmlError`.
 */
export function updateDomainXml(stored: string, spec: DomainSpec): string | null {
  const document = parseXml(stored);
  const domain = document.documentElement;
  const sources = childElements(ensureChild(domain, "devices"), "disk").map((disk) => descend(disk, "source"));
  const { disk } = spec;
  if (
    disk &&
    !sources.some((source) => [source?.getAttribute("file"), source?.getAttribute("dev")].includes(disk.path))
  ) {
    return null;
  }
  // Which vCPUs were plugged in: says nothing any more when their number changes.
  for (const list of childElements(domain, "vcpus")) domain.removeChild(list);
  setDecided(domain, spec);
  return serializeXml(document);
}

/** The definition with other pins, one set for each vCPU that the guest has now. Everything else stays. Throws `XmlError`. */
export function repinDomainXml(definition: string, pins: readonly CpuSet[]): string {
  const document = parseXml(definition);
  const domain = document.documentElement;
  const maximumVcpus = Number(descend(domain, "vcpu")?.textContent ?? pins.length);
  setPins(ensureChild(domain, "cputune"), { pins, maximumVcpus });
  return serializeXml(document);
}

function setDecided(domain: Element, spec: DomainSpec): void {
  setChildText(domain, "name", spec.name);
  setChildText(domain, "uuid", spec.uuid);
  setChildText(domain, "memory", String(spec.maximumMemoryMiB)).setAttribute("unit", "MiB");
  setChildText(domain, "currentMemory", String(spec.memoryMiB)).setAttribute("unit", "MiB");
  setChildText(domain, "vcpu", String(spec.maximumVcpus)).setAttribute("current", String(spec.vcpus));
  setPins(ensureChild(domain, "cputune"), spec);
  if (spec.metadata !== null) setMetadata(ensureChild(domain, "metadata"), spec.metadata);
}

/** A disk that names {diskPath} is for VMs with an image, and goes where there is none. */
function placeDisk(domain: Element, spec: DomainSpec, source: string): void {
  const devices = ensureChild(domain, "devices");
  const places = childElements(devices, "disk").filter((disk) => mentions(disk, "{diskPath}"));
  if (spec.disk === null) for (const place of places) devices.removeChild(place);
  else if (places.length === 0) throw badTemplate(source, "VM wants a disk, but no <disk> names {diskPath}");
}

/** vCPUs beyond the present ones are pinned too: one that is plugged in later starts where its sisters run. */
function setPins(cputune: Element, spec: Pick<DomainSpec, "pins" | "maximumVcpus">): void {
  for (const old of childElements(cputune, "vcpupin")) cputune.removeChild(old);
  if (spec.pins.length === 0) return;
  const all = cpuSetOf(spec.pins.flat());
  for (let vcpu = 0; vcpu < spec.maximumVcpus; vcpu++) {
    const set = formatCpuSet(spec.pins[vcpu] ?? all);
    if (set === "") continue;
    const pin = appendElement(cputune, "vcpupin");
    pin.setAttribute("vcpu", String(vcpu));
    pin.setAttribute("cpuset", set);
  }
}

function setMachine(domain: Element, host: DomainHost): void {
  const type = ensureChild(ensureChild(domain, "os"), "type");
  if (type.textContent === "") type.textContent = "hvm";
  if (!type.hasAttribute("arch")) type.setAttribute("arch", host.arch);
  if (host.machine !== null) type.setAttribute("machine", host.machine);
  if (host.emulator !== null) setChildText(ensureChild(domain, "devices"), "emulator", host.emulator);
  if (descend(domain, "cpu") !== null || !(host.accelerator in CPU_MODE)) return;
  appendElement(domain, "cpu").setAttribute("mode", CPU_MODE[host.accelerator] ?? "");
}

/** host-model keeps guests migratable between like hosts; emulation can offer all it knows. */
const CPU_MODE: Readonly<Record<string, string>> = { kvm: "host-model", qemu: "maximum" };

const mentions = (element: Element, text: string): boolean => {
  let found = false;
  eachText(element, (value) => {
    found ||= value.includes(text);
    return value;
  });
  return found;
};

/** Every text and attribute value below and in `element`, replaced by what `change` gives. Comments are not touched. */
function eachText(element: Element, change: (value: string) => string): void {
  for (const attribute of element.attributes) {
    const changed = change(attribute.value);
    if (changed !== attribute.value) attribute.value = changed;
  }
  for (let node = element.firstChild; node; node = node.nextSibling) {
    if (isElement(node)) eachText(node, change);
    else if (isText(node)) node.nodeValue = change(node.nodeValue ?? "");
  }
}

const TEXT_NODE = 3;
const CDATA_NODE = 4;
const isText = (node: { readonly nodeType: number }): boolean =>
  node.nodeType === TEXT_NODE || node.nodeType === CDATA_NODE;

const badTemplate = (source: string, why: string, cause?: unknown): OperationalError =>
  new OperationalError("bad-settings", `domain template (${source}): ${why}`, false, { cause });
