/** Work shared out to threads, a piece at a time to whichever is free; the answers in the order of the pieces. */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { Bug } from "../../core/assert.js";

export type ThreadAnswer<Answer> =
  | { readonly place: number; readonly answer: Answer }
  | { readonly place: number; readonly problem: string };

/** What a thread is asked: to know one thing for all pieces, or to do a piece. */
export type ThreadQuestion<Common, Piece> =
  | { readonly common: Common }
  | { readonly place: number; readonly piece: Piece };

/** Starts a thread that answers each question about a piece once. */
export type StartThread = () => Worker;

/** `file`, from here: as it was built, or as it is written where this one runs from its source. */
export const threadOf = (file: string): StartThread =>
  import.meta.url.endsWith(".ts")
    ? sourceThread(new URL(file.replace(/\.js$/, ".ts"), import.meta.url))
    : () => new Worker(new URL(file, import.meta.url));

/** Of `script`, in TypeScript: a thread does not take over how its program was made to read it. */
export const sourceThread =
  (script: URL): StartThread =>
  () => {
    const reader = JSON.stringify(import.meta.resolve("tsx/esm/api"));
    const text = `import(${reader}).then(({ register }) => { register(); return import(${JSON.stringify(script.href)}); });`;
    return new Worker(text, { eval: true });
  };

export const mostThreads = (): number => availableParallelism();

/** `onDone`: told how many are done, and the last one's place and answer. Rejects when `signal` aborts. */
export async function inThreads<Common, Piece, Answer>(
  start: StartThread,
  threads: number,
  common: Common,
  pieces: readonly Piece[],
  onDone: (done: number, place: number, answer: Answer) => void,
  signal?: AbortSignal,
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  let [next, done] = [0, 0];
  const one = (worker: Worker): Promise<void> =>
    new Promise((resolve, reject) => {
      const ask = (): void => {
        if (next === pieces.length) {
          resolve();
          return;
        }
        const place = next++;
        worker.postMessage({ place, piece: pieces[place]! } satisfies ThreadQuestion<Common, Piece>);
      };
      if (signal?.aborted) reject(signal.reason);
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      worker.once("error", reject);
      worker.once("exit", () => reject(new Bug("a thread ended before its work")));
      worker.on("message", (said: ThreadAnswer<Answer>) => {
        if ("problem" in said) {
          reject(new Bug(said.problem));
          return;
        }
        answers[said.place] = said.answer;
        try {
          onDone(++done, said.place, said.answer);
          ask();
        } catch (error) {
          reject(error);
        }
      });
      worker.postMessage({ common } satisfies ThreadQuestion<Common, Piece>);
      ask();
    });
  const workers = Array.from({ length: Math.min(threads, pieces.length) }, start);
  try {
    await Promise.all(workers.map(one));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return answers;
}
