/**
 * In which order VMs that arrive at the same moment are submitted; it decides ties, and first fit feels it. The published simulator
 * keeps its VMs in a hash table of Java's and submits them as it lies there, so its figures, and those of the references, are of that
 * order: neighbours by number, which are of one size, mostly come together.
 */

/** The table is at most so full before it is doubled. */
const LOAD = 0.75;

/** Java's `String.hashCode`, spread as its `HashMap` does. */
function spreadHash(text: string): number {
  let hash = 0;
  for (let at = 0; at < text.length; at++) hash = (Math.imul(31, hash) + text.charCodeAt(at)) | 0;
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Where a name lies in a table of `total` names: sort by it. */
export function placeInTable(total: number): (name: string) => number {
  const size = 2 ** Math.ceil(Math.log2(Math.max(16, total / LOAD)));
  return (name) => spreadHash(name) % size;
}
