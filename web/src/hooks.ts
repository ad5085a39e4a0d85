/** How components read the store and the address. */
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { parseRoute, type Route } from "./model/route.js";
import type { State, Store } from "./store.js";

export const StoreContext = createContext<Store | null>(null);

export function useStore(): Store {
  const store = useContext(StoreContext);
  if (store === null) throw new Error("the page is drawn outside of its store");
  return store;
}

/** The part of the state that `select` picks; draws again only when that part is another value. */
export function useSelected<T>(select: (state: State) => T): T {
  const store = useStore();
  const [selected, setSelected] = useState(() => select(store.state));
  useEffect(() => {
    const look = (): void => setSelected(() => select(store.state));
    look();
    return store.subscribe(look);
  }, [store, select]);
  return selected;
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const look = (): void => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", look);
    return () => removeEventListener("hashchange", look);
  }, []);
  return route;
}

export type Loaded<T> =
  | { readonly kind: "loading" }
  | { readonly kind: "there"; readonly value: T }
  | { readonly kind: "failed"; readonly error: Error; readonly last: T | null };

/** Asks now, whenever `key` changes, and every `everyMs` while the page is looked at; keeps the last answer through a failure. */
export function useAsked<T>(
  key: string,
  ask: () => Promise<T>,
  everyMs: number | null,
): readonly [Loaded<T>, () => void] {
  const [loaded, setLoaded] = useState<Loaded<T>>({ kind: "loading" });
  const [turn, setTurn] = useState(0);
  // `ask` is made anew with every drawing; `key` says when it differs
  useEffect(() => {
    let wanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      try {
        const value = await ask();
        if (wanted) setLoaded({ kind: "there", value });
      } catch (error) {
        const failure = error instanceof Error ? error : new Error(String(error));
        if (wanted) setLoaded((before) => ({ kind: "failed", error: failure, last: lastOf(before) }));
      }
      if (wanted && everyMs !== null) timer = setTimeout(() => void look(), everyMs);
    };
    if (turn === 0) setLoaded({ kind: "loading" });
    void look();
    return () => {
      wanted = false;
      clearTimeout(timer);
    };
  }, [key, turn, everyMs]);
  return [loaded, () => setTurn((before) => before + 1)];
}

export const lastOf = <T>(loaded: Loaded<T>): T | null =>
  loaded.kind === "there" ? loaded.value : loaded.kind === "failed" ? loaded.last : null;

export const operates = ({ session }: State): boolean => session?.role === "operator";
