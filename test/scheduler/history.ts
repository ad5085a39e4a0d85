/**
 * Checks what callers were told against what exists: for each VM, is there an order of all requests, each within the time
 * between its question and its answer, in which every answer is true and which ends with what is there now? (Herlihy and Wing,
 * "Linearizability", TOPLAS 1990; searched as in Wing and Gong, JPDC 1993.) A request without an answer may have happened at
 * any time after it was asked, or never; one that was refused never.
 */

export interface Operation {
  readonly vm: string;
  readonly kind: "deploy" | "remove" | "resize";
  /** Of a deploy: which VM it is. */
  readonly requestId: string;
  /** Of a deploy and a resize. */
  readonly vcpus: number;
  /** Order of all questions and answers. `answered` null: never. */
  readonly asked: number;
  answered: number | null;
  /**
   * unknown-vm: refused, since there is no such VM. gone: the same answer to a removal that was asked before and not answered
   * then, so this very request may have removed it.
   */
  outcome: "ok" | "refused" | "unknown-vm" | "gone" | "unknown";
}

/** A VM as it is; null: there is none. */
export type State = { readonly requestId: string | null; readonly vcpus: number } | null;

/** The state after the operation; undefined: its answer would not be true here. */
function apply(state: State, { kind, outcome, requestId, vcpus }: Operation): State | undefined {
  if (outcome === "refused") return state;
  if (outcome === "gone") return null;
  if (outcome === "unknown-vm") return state === null ? null : undefined;
  if (kind === "remove") return state === null ? undefined : null;
  if (kind === "resize") return state === null ? undefined : { ...state, vcpus };
  return state === null ? { requestId, vcpus } : undefined;
}

/** What is wrong, a sentence for each VM; none: empty. */
export function checkHistory(operations: readonly Operation[], now: ReadonlyMap<string, State>): string[] {
  const names = new Set([...operations.map(({ vm }) => vm), ...now.keys()]);
  return [...names].flatMap((name) => {
    const own = asRequests(operations.filter(({ vm }) => vm === name));
    const end = now.get(name) ?? null;
    return explains(own, end)
      ? []
      : [`no order of the requests about ${name} explains ${JSON.stringify({ own, end })}`];
  });
}

/** A deploy that is repeated under its id is one request, which happens once: from its first question to its first true answer. */
function asRequests(operations: readonly Operation[]): readonly Operation[] {
  const deploys = new Map<string, Operation>();
  const others = operations.filter(({ kind }) => kind !== "deploy");
  for (const one of operations) {
    if (one.kind !== "deploy") continue;
    const first = deploys.get(one.requestId);
    if (first === undefined) deploys.set(one.requestId, one);
    else if (first.outcome !== "ok") deploys.set(one.requestId, { ...one, asked: first.asked });
  }
  return [...others, ...deploys.values()];
}

function explains(operations: readonly Operation[], end: State): boolean {
  const tried = new Set<string>();
  const search = (left: ReadonlySet<Operation>, state: State): boolean => {
    const mandatory = [...left].filter(({ outcome }) => outcome !== "unknown");
    if (mandatory.length === 0 && isSame(state, end)) return true;
    const key = `${operations.map((one) => (left.has(one) ? 1 : 0)).join("")}${JSON.stringify(state)}`;
    if (tried.has(key)) return false;
    tried.add(key);
    // Whoever was answered before another asked comes before it.
    const horizon = Math.min(...mandatory.map(({ answered }) => answered ?? Number.POSITIVE_INFINITY));
    for (const one of left) {
      if (one.asked > horizon) continue;
      const next = apply(state, one);
      if (next === undefined) continue;
      const rest = new Set(left);
      rest.delete(one);
      if (search(rest, next)) return true;
    }
    return false;
  };
  return search(new Set(operations), null);
}

const isSame = (a: State, b: State): boolean => a?.requestId === b?.requestId && a?.vcpus === b?.vcpus;
