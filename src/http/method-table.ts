/** Which methods a path takes, so that a wrong method is told from a wrong path (405 with `Allow`, not 404). */

interface Pattern {
  readonly segments: readonly string[];
  readonly methods: Set<string>;
}

export class MethodTable {
  private readonly patterns = new Map<string, Pattern>();

  /** `url` in the router's notation: `:name` is any one segment, `::` a colon. */
  add(url: string, method: string | readonly string[]): void {
    const known = this.patterns.get(url);
    const pattern = known ?? { segments: segmentsOf(url.replaceAll("::", "\0")), methods: new Set<string>() };
    for (const one of typeof method === "string" ? [method] : method) pattern.methods.add(one);
    this.patterns.set(url, pattern);
  }

  /** Sorted; empty when no pattern fits the URL's path. */
  allowed(url: string): readonly string[] {
    const segments = segmentsOf(url.split("?", 1)[0] ?? "");
    const fitting = [...this.patterns.values()].filter((pattern) => fits(pattern.segments, segments));
    return [...new Set(fitting.flatMap((pattern) => [...pattern.methods]))].sort();
  }
}

const segmentsOf = (path: string): readonly string[] => path.split("/").slice(1);

const fits = (pattern: readonly string[], path: readonly string[]): boolean =>
  pattern.length === path.length &&
  pattern.every((part, i) => (part.startsWith(":") ? path[i] !== "" : part.replaceAll("\0", ":") === path[i]));
