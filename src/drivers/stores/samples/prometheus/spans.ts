/**
 * When each source has its first and its last value in a range. PromQL has no exact answer to that; it is found as one looks
 * up a word: which of sixty windows, then which part of that window, and at the end the values themselves.
 */
import { milliseconds } from "../../../../core/units.js";
import type { SampleSource, SourceSpan } from "../../../../ports/sample-store.js";
import type { RemoteServer } from "../remote/http.js";
import type { Piece } from "../remote/pieces.js";
import { sourceSelector } from "./names.js";
import { millisecondsOf, presence, rawValues } from "./query.js";

const WINDOWS = 60;
/** Short enough to read the values themselves. */
const RAW_MS = 10 * 60_000;

type Edge = "first" | "last";
const idOf = ({ host, vm }: SampleSource): string => JSON.stringify([host, vm]);

interface Found extends SampleSource {
  readonly at: number;
}

class Search {
  readonly found = new Map<string, Found>();

  constructor(
    private readonly server: RemoteServer,
    private readonly host: string | null,
    private readonly edge: Edge,
  ) {}

  /** Finds the edge of each of `wanted` (null: of all) within a range that is known to hold it. */
  async within(range: Piece, wanted: ReadonlySet<string> | null): Promise<void> {
    if (range.to - range.from <= RAW_MS) return this.fromValues(range, wanted);
    const step = Math.max(1000, Math.ceil((range.to - range.from) / WINDOWS));
    const byWindow = new Map<number, Set<string>>();
    for (const source of await presence(this.server, this.host, range, step)) {
      const end = this.edge === "first" ? source.windowEnds[0] : source.windowEnds.at(-1);
      if (end === undefined || wanted?.has(idOf(source)) === false) continue;
      const members = byWindow.get(end) ?? new Set();
      byWindow.set(end, members.add(idOf(source)));
    }
    for (const [end, members] of byWindow) {
      // Both ends of a window belong to it, by some servers' count.
      const from = milliseconds(Math.max(range.from, end - step));
      await this.within({ from, to: milliseconds(Math.min(range.to, end + 1)) }, members);
    }
  }

  private async fromValues(range: Piece, wanted: ReadonlySet<string> | null): Promise<void> {
    for (const { metric, values } of await rawValues(this.server, sourceSelector(this.host), range)) {
      const source = { host: metric.host ?? "", vm: metric.vm ?? null };
      const id = idOf(source);
      if (wanted?.has(id) === false) continue;
      for (const [seconds] of values) {
        const at = millisecondsOf(seconds);
        if (at < range.from || at >= range.to) continue;
        const other = this.found.get(id)?.at;
        if (other === undefined || (this.edge === "first" ? at < other : at > other))
          this.found.set(id, { ...source, at });
      }
    }
  }
}

export async function findSpans(
  server: RemoteServer,
  host: string | null,
  range: Piece,
): Promise<readonly SourceSpan[]> {
  const [first, last] = [new Search(server, host, "first"), new Search(server, host, "last")];
  await first.within(range, null);
  await last.within(range, null);
  const spans: SourceSpan[] = [];
  for (const [id, { host: name, vm, at }] of first.found) {
    const end = last.found.get(id)?.at ?? at;
    spans.push({ host: name, vm, first: milliseconds(at), last: milliseconds(end) });
  }
  return spans;
}
