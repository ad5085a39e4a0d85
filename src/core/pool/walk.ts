/**
 * The seeds' way of dropping list entries while they walk the list: the entry that follows a dropped one moves into its place
 * and is not looked at in that round. Recorded states depend on it (spec 3).
 */

/** Splits `entries` into what one such walk keeps and drops; both in order. */
export function dropWhileWalking<T>(
  entries: readonly T[],
  isGone: (entry: T) => boolean,
): { readonly kept: readonly T[]; readonly dropped: readonly T[] } {
  const kept: T[] = [];
  const dropped: T[] = [];
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i]!;
    if (!isGone(entry)) {
      kept.push(entry);
      continue;
    }
    dropped.push(entry);
    i += 1;
    if (i < entries.length) kept.push(entries[i]!);
  }
  return { kept, dropped };
}
