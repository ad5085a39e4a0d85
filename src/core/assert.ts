/** A broken promise inside Headroom itself: a bug, never bad input. The caller applies nothing and lets it surface. */
export class Bug extends Error {
  override readonly name = "Bug";
}

/** Throws `Bug` with `message` unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Bug(message);
}
