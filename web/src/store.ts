/**
 * What the dashboard knows of the server: the session, hosts, the cluster in sum, events, a short history of totals, and
 * whether all that is fresh. Refreshed every few seconds, and soon after an event; an event about a few hosts asks for those
 * alone, so that a large cluster costs little. Pages subscribe; nothing here draws.
 */
import type { ClusterStatusAnswer } from "../../src/http/scheduler/schemas/answers.js";
import type { SessionAnswer } from "../../src/http/schemas/session.js";
import { ApiError, api, keepToken } from "./api.js";
import { followEvents } from "./events.js";
import { type HostRow, rowOfAgentHost, rowOfClusterHost, type Totals, totalsOf } from "./model/host-row.js";

export interface EventRow {
  readonly id: number;
  readonly at: number;
  readonly kind: string;
  readonly vm: string | null;
  readonly host: string | null;
  readonly message: string;
}

export interface Moment {
  readonly at: number;
  readonly totals: Totals;
}

export type Connection =
  | { readonly kind: "starting" }
  | { readonly kind: "live"; readonly at: number; readonly tookMs: number }
  /** What is shown is old. */
  | { readonly kind: "lost"; readonly since: number; readonly why: string }
  | { readonly kind: "sign-in"; readonly why: string };

export interface State {
  readonly connection: Connection;
  readonly session: SessionAnswer | null;
  readonly cluster: ClusterStatusAnswer | null;
  /** By id. */
  readonly hosts: readonly HostRow[];
  readonly hostsLoaded: boolean;
  readonly events: readonly EventRow[];
  readonly history: readonly Moment[];
}

const POLL_MS = 5_000;
/** After an event, so that a burst of them costs one refresh. */
const EVENT_PAUSE_MS = 700;
/** Above so many hosts in one burst, all are asked for at once; of a large cluster not sooner than this after the last time. */
const FEW_HOSTS = 8;
const LARGE_CLUSTER = 200;
const LARGE_PAUSE_MS = 2_500;
const KEPT_EVENTS = 200;
/** An hour of polls. */
const KEPT_MOMENTS = 720;

const FIRST: State = {
  connection: { kind: "starting" },
  session: null,
  cluster: null,
  hosts: [],
  hostsLoaded: false,
  events: [],
  history: [],
};

export class Store {
  #state: State = FIRST;
  readonly #listeners = new Set<() => void>();
  readonly #touched = new Set<string>();
  #lostSince: number | null = null;
  #pollTimer: ReturnType<typeof setTimeout> | undefined;
  #eventTimer: ReturnType<typeof setTimeout> | undefined;
  #refreshing = false;
  #following = new AbortController();

  get state(): State {
    return this.#state;
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    void this.#poll();
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.refreshSoon();
    });
  }

  signIn(token: string): void {
    keepToken(token.trim());
    this.#set({ connection: { kind: "starting" }, session: null });
    this.refreshSoon();
  }

  signOut(): void {
    keepToken(null);
    this.#following.abort();
    this.#set({ ...FIRST });
    this.refreshSoon();
  }

  /** After a change of our own: what it did is to be seen at once. */
  refreshSoon(): void {
    clearTimeout(this.#pollTimer);
    void this.#poll();
  }

  #set(change: Partial<State>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }

  async #poll(): Promise<void> {
    if (this.#refreshing) return;
    this.#refreshing = true;
    try {
      // A page that nobody looks at asks for nothing.
      if (document.visibilityState === "visible") await this.#refresh();
    } finally {
      this.#refreshing = false;
      this.#pollIn(POLL_MS);
    }
  }

  /** Instead of the poll that was waited for. */
  #pollIn(ms: number): void {
    clearTimeout(this.#pollTimer);
    this.#pollTimer = setTimeout(() => void this.#poll(), ms);
  }

  async #refresh(): Promise<void> {
    const began = performance.now();
    try {
      const session = this.#state.session ?? (await this.#open());
      const cluster = session.program === "scheduler" ? await api.cluster() : null;
      const hosts =
        session.program === "scheduler" ? await allHosts() : (await api.agentHosts()).items.map(rowOfAgentHost);
      this.#lostSince = null;
      const at = Date.now();
      const moment: Moment = { at, totals: totalsOf(hosts) };
      this.#set({
        connection: { kind: "live", at, tookMs: performance.now() - began },
        cluster,
        hosts,
        hostsLoaded: true,
        history: [...this.#state.history, moment].slice(-KEPT_MOMENTS),
      });
    } catch (error) {
      this.#failed(error);
    }
  }

  async #open(): Promise<SessionAnswer> {
    const session = await api.session();
    this.#following.abort();
    this.#following = new AbortController();
    this.#set({ session });
    void followEvents(
      (frame) => this.#heard(frame.data),
      () => this.#lost(),
      this.#following.signal,
    );
    return session;
  }

  /** The stream was opened (again): events of before may be repeated by another process, and refer to other ids. */
  #lost(): void {
    this.#touch(null);
  }

  #failed(error: unknown): void {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) {
      this.#following.abort();
      this.#set({ connection: { kind: "sign-in", why: error.message }, session: null });
      return;
    }
    this.#lostSince ??= Date.now();
    this.#set({ connection: { kind: "lost", since: this.#lostSince, why: error.message } });
  }

  #heard(data: string): void {
    const event = JSON.parse(data) as Omit<EventRow, "host"> & { readonly host?: string | null };
    const row: EventRow = { ...event, host: event.host ?? null };
    this.#set({ events: [row, ...this.#state.events].slice(0, KEPT_EVENTS) });
    this.#touch(row.host);
  }

  /** Null: not about one host. */
  #touch(host: string | null): void {
    this.#touched.add(host ?? "");
    this.#eventTimer ??= setTimeout(() => {
      this.#eventTimer = undefined;
      void this.#catchUp([...this.#touched]);
      this.#touched.clear();
    }, EVENT_PAUSE_MS);
  }

  async #catchUp(touched: readonly string[]): Promise<void> {
    const few = this.#state.session?.program === "scheduler" && touched.length <= FEW_HOSTS && !touched.includes("");
    if (!few || !this.#state.hostsLoaded) {
      const { connection, hosts } = this.#state;
      const isFresh = connection.kind === "live" && Date.now() - connection.at < LARGE_PAUSE_MS;
      if (hosts.length > LARGE_CLUSTER && isFresh) return this.#pollIn(LARGE_PAUSE_MS);
      return this.refreshSoon();
    }
    try {
      const fresh = new Map(
        (await Promise.all(touched.map((id) => api.clusterHost(id)))).map((host) => [host.id, rowOfClusterHost(host)]),
      );
      this.#set({ hosts: this.#state.hosts.map((row) => fresh.get(row.id) ?? row) });
    } catch (error) {
      // Forgotten hosts are unknown: the next poll shows who is left.
      if (!(error instanceof ApiError)) throw error;
      this.refreshSoon();
    }
  }
}

async function allHosts(): Promise<readonly HostRow[]> {
  const rows: HostRow[] = [];
  let cursor: string | null = null;
  do {
    const page = await api.clusterHosts(cursor);
    rows.push(...page.items.map(rowOfClusterHost));
    cursor = page.next;
  } while (cursor !== null);
  return rows;
}
