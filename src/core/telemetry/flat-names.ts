/**
 * VMs' names in the flat form, `<prefix>_domain_<name>_<metric>`: metric names have letters, digits and `_` only, and the seed
 * leaves the `-` of a name out. So does Headroom as long as the result stands for one VM of the host; every other name is
 * escaped, `_` and then its UTF-8 bytes, letters and digits as they are and the rest as `_xx` in hex, and can be read back.
 * Where two VMs would get one name, both are escaped: a name never passes silently from one VM to another beside it.
 */

const PLAIN = /^[A-Za-z0-9]+$/;
const ESCAPED = /^_(?:[A-Za-z0-9]|_[0-9a-f]{2})*$/;

/** `vm-1` and `vm1` on one host: `_vm_2d1` and `_vm1`; `my_vm`: `_my_5fvm`. */
export function escapeFlatName(name: string): string {
  let out = "_";
  for (const char of name) {
    if (/[A-Za-z0-9]/.test(char)) out += char;
    else for (const byte of utf8(char.codePointAt(0)!)) out += `_${byte.toString(16).padStart(2, "0")}`;
  }
  return out;
}

/** The name behind a flat one. What is not escaped is the name itself, also where another probe left `_` in. */
export function readFlatName(flat: string): string {
  if (!ESCAPED.test(flat)) return flat;
  const bytes: number[] = [];
  for (let at = 1; at < flat.length; at++) {
    if (flat[at] !== "_") {
      bytes.push(flat.charCodeAt(at));
      continue;
    }
    bytes.push(Number.parseInt(flat.slice(at + 1, at + 3), 16));
    at += 2;
  }
  return decodeUtf8(bytes) ?? flat;
}

/** The flat name of each VM of a host; all different. Names must be. */
export function flatNames(names: Iterable<string>): ReadonlyMap<string, string> {
  const wanted = new Map<string, string[]>();
  for (const name of names) {
    const short = name.replaceAll("-", "");
    const key = PLAIN.test(short) ? short : "";
    wanted.set(key, [...(wanted.get(key) ?? []), name]);
  }
  const flat = new Map<string, string>();
  for (const [short, owners] of wanted) {
    for (const name of owners) flat.set(name, owners.length > 1 || short === "" ? escapeFlatName(name) : short);
  }
  return flat;
}

/** A lone surrogate counts as U+FFFD, as everywhere. */
function utf8(codePoint: number): readonly number[] {
  const point = codePoint >= 0xd800 && codePoint < 0xe000 ? 0xfffd : codePoint;
  if (point < 0x80) return [point];
  const tail = (shift: number): number => 0x80 | ((point >> shift) & 0x3f);
  if (point < 0x800) return [0xc0 | (point >> 6), tail(0)];
  if (point < 0x10000) return [0xe0 | (point >> 12), tail(6), tail(0)];
  return [0xf0 | (point >> 18), tail(12), tail(6), tail(0)];
}

/** Null where the bytes are no UTF-8: then nobody escaped them. */
function decodeUtf8(bytes: readonly number[]): string | null {
  try {
    return decodeURIComponent(bytes.map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""));
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}
