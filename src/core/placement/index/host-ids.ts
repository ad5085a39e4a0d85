/**
 * Hosts by number, and which of two has the lower id. Ids of a cluster begin alike, and a comparison of texts costs two trips
 * to memory: six characters behind what all ids have in common are kept as a number, which nearly always decides.
 */
const KEY_CHARACTERS = 6;
/** A character from here on ends what the number tells: it, and all that follows, count as this. */
const MOST = 255;

function keyOf(id: string, from: number): number {
  let key = 0;
  let ended = false;
  for (let at = from; at < from + KEY_CHARACTERS; at++) {
    const code = at < id.length ? id.charCodeAt(at) : 0;
    ended ||= code >= MOST;
    key = key * (MOST + 1) + (ended ? MOST : code);
  }
  return key;
}

function commonLength(a: string, b: string, most: number): number {
  let length = 0;
  while (length < most && length < a.length && length < b.length && a[length] === b[length]) length++;
  return length;
}

export class HostIds {
  /** By number; numbers of hosts that went are used again. */
  readonly #ids: string[] = [];
  #keys = new Float64Array(16);
  readonly #free: number[] = [];
  /** Leading characters that all ids since the beginning share. */
  #shared = 0;

  /** The new host's number. */
  add(id: string): number {
    const number = this.#free.pop() ?? this.#ids.length;
    const first = this.#ids.length === 0;
    this.#ids[number] = id;
    this.#reserve();
    const shared = first ? id.length : commonLength(id, this.#ids[number === 0 ? 1 : 0] ?? id, this.#shared);
    if (shared === this.#shared) this.#keys[number] = keyOf(id, shared);
    else this.#keyAll(shared);
    return number;
  }

  remove(number: number): void {
    this.#free.push(number);
  }

  id(number: number): string {
    return this.#ids[number]!;
  }

  readonly precedes = (a: number, b: number): boolean => {
    const [keyA, keyB] = [this.#keys[a]!, this.#keys[b]!];
    return keyA !== keyB ? keyA < keyB : this.#ids[a]! < this.#ids[b]!;
  };

  #keyAll(shared: number): void {
    this.#shared = shared;
    for (let number = 0; number < this.#ids.length; number++) this.#keys[number] = keyOf(this.#ids[number]!, shared);
  }

  #reserve(): void {
    if (this.#ids.length <= this.#keys.length) return;
    const grown = new Float64Array(this.#keys.length * 2);
    grown.set(this.#keys);
    this.#keys = grown;
  }
}
