/**
 * Signals made of signals. Not by `AbortSignal.any`: what that makes leaves a trace in its sources for as long as they live, which for
 * a program's own signal is months of a question every few seconds; and Node 20 keeps it for ever, with all that it leads to, when
 * somebody still listens to it after everybody else has forgotten it.
 */

/** What waits on a signal that lives for long: one listener for all, since listeners by the thousand are slow. */
const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `end` when `signal` aborts; not if it has aborted already. Returns what takes that back. */
export function whenAborted(signal: AbortSignal, end: () => void): () => void {
  let all = waiting.get(signal);
  if (all === undefined) {
    const fresh = new Set<() => void>();
    all = fresh;
    waiting.set(signal, fresh);
    signal.addEventListener("abort", () => {
      for (const one of [...fresh]) one();
    });
  }
  const own = (): void => end();
  all.add(own);
  return () => void all.delete(own);
}

export interface Joined {
  readonly signal: AbortSignal;
  /** To be called when nobody waits for it any more, where a source may live on. */
  release(): void;
}

/** Aborts as soon as one of `sources` does, for its reason. */
export function joined(...sources: readonly AbortSignal[]): Joined {
  const either = new AbortController();
  const gone = sources.find(({ aborted }) => aborted);
  if (gone !== undefined) either.abort(gone.reason);
  const releases = sources.map((source) => whenAborted(source, () => either.abort(source.reason)));
  return {
    signal: either.signal,
    release: () => {
      for (const release of releases) release();
    },
  };
}
