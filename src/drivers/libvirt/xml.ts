/**
 * XML the strict way, over @xmldom/xmldom: anything that is not well-formed is an error, and so is a document type (entities
 * are how small documents become huge). What is put into a document goes in as text or attribute value, never as markup.
 */
import { DOMParser, type Document, type Element, type Node, XMLSerializer } from "@xmldom/xmldom";

export type { Document, Element } from "@xmldom/xmldom";

export class XmlError extends Error {
  override readonly name = "XmlError";
}

const ELEMENT_NODE = 1;

/** Of XML 1.0, as libvirt reads it; the parser's own way, of XML 1.1, makes spaces of U+0085, U+2028 and U+2029 in names and paths. */
const normalizeLineEndings = (text: string): string => text.replace(/\r\n?/g, "\n");

/** Throws `XmlError` with the place where it stops making sense. */
export function parseXml(text: string): Document & { readonly documentElement: Element } {
  let complaint: string | null = null;
  const onError = (_level: "warning" | "error" | "fatalError", message: string) => {
    complaint ??= message;
  };
  let document: Document;
  try {
    document = new DOMParser({ onError, normalizeLineEndings }).parseFromString(text, "text/xml");
  } catch (error) {
    throw new XmlError(complaint ?? (error as Error).message, { cause: error });
  }
  if (complaint !== null) throw new XmlError(complaint);
  if (document.doctype) throw new XmlError("a document type is not allowed");
  if (!document.documentElement) throw new XmlError("there is no element");
  return document as Document & { readonly documentElement: Element };
}

export function serializeXml(node: Node): string {
  // The serializer leaves carriage returns in text as they are, and readers take those for line ends.
  return new XMLSerializer().serializeToString(node, { requireWellFormed: true }).replaceAll("\r", "&#13;");
}

/** XML 1.0 has no way to write these characters, not even escaped; half of a surrogate pair is not a character at all. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const UNWRITABLE = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/u;

export const isWritable = (text: string): boolean => !UNWRITABLE.test(text);

export const isElement = (node: Node): node is Element => node.nodeType === ELEMENT_NODE;

/** Child elements, in document order; without a name all of them. Names are compared without a prefix. */
export function childElements(parent: Element, name?: string): Element[] {
  const found: Element[] = [];
  for (let node = parent.firstChild; node; node = node.nextSibling) {
    if (isElement(node) && (name === undefined || node.localName === name)) found.push(node);
  }
  return found;
}

/** The first child element at the end of `path`; null when a step is missing. */
export function descend(parent: Element, ...path: readonly string[]): Element | null {
  let at: Element | null = parent;
  for (const name of path) at = at === null ? null : (childElements(at, name)[0] ?? null);
  return at;
}

export const textOf = (element: Element | null): string | null => element?.textContent?.trim() ?? null;

/** The child element of that name, made at the end of `parent` when it is missing. */
export function ensureChild(parent: Element, name: string): Element {
  return descend(parent, name) ?? appendElement(parent, name);
}

export function appendElement(parent: Element, name: string): Element {
  const element = ownerOf(parent).createElement(name);
  parent.appendChild(element);
  return element;
}

/** The child of that name holds this text and nothing else; other children of that name go. */
export function setChildText(parent: Element, name: string, text: string): Element {
  for (const extra of childElements(parent, name).slice(1)) parent.removeChild(extra);
  const child = ensureChild(parent, name);
  child.textContent = text;
  return child;
}

export function ownerOf(element: Element): Document {
  const owner = element.ownerDocument;
  if (!owner) throw new XmlError(`<${element.tagName}> belongs to no document`);
  return owner;
}
