/** The frame around every page: where one can go, how fresh what is shown is, and signing in where the server wants a token. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useRoute, useSelected, useStore } from "./hooks.js";
import { decimal, duration } from "./model/format.js";
import { hrefOf, type Route } from "./model/route.js";
import { ClusterPage } from "./pages/cluster.js";
import { EstimatesPage } from "./pages/estimates.js";
import { HostPage } from "./pages/host.js";
import { VmPage } from "./pages/vm.js";
import { VmsPage } from "./pages/vms.js";
import { WhatIfPage } from "./pages/what-if.js";
import type { Connection, State } from "./store.js";

const connectionOf = (state: State) => state.connection;
const sessionOf = (state: State) => state.session;
const programOf = (state: State) => state.session?.program ?? null;
const hostsOf = (state: State) => state.hosts;

export function App() {
  const route = useRoute();
  const connection = useSelected(connectionOf);
  const session = useSelected(sessionOf);
  useTitle(route);
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header>
        <a class="brand" href={hrefOf({ page: "cluster" })}>
          Headroom
        </a>
        <Navigation route={route} />
        <Freshness connection={connection} />
        {session?.tokens ? <SignOut /> : null}
      </header>
      <main id="main" tabIndex={-1}>
        {connection.kind === "lost" ? <Lost connection={connection} /> : null}
        {connection.kind === "sign-in" ? <SignIn why={connection.why} /> : null}
        {session === null ? null : <Page route={route} />}
        {session === null && connection.kind === "starting" ? <p class="quiet">Connecting…</p> : null}
      </main>
      <footer class="quiet">
        {session === null ? "" : `Headroom ${session.program} ${session.version}, you are ${session.role}`} ·{" "}
        <a href="openapi.json">API</a> · <a href="metrics">metrics</a>
      </footer>
    </>
  );
}

function Page({ route }: { readonly route: Route }) {
  switch (route.page) {
    case "cluster":
      return <Home />;
    case "host":
      return <HostPage key={route.id} id={route.id} />;
    case "vms":
      return <VmsPage key={route.host} host={route.host} />;
    case "vm":
      return <VmPage key={route.name} name={route.name} />;
    case "estimates":
      return <EstimatesPage host={route.host} />;
    case "what-if":
      return <WhatIfPage typed={route} />;
    case "unknown":
      return (
        <>
          <h1>No such page</h1>
          <p>
            There is nothing at “{route.path}”. <a href={hrefOf({ page: "cluster" })}>To the cluster</a>
          </p>
        </>
      );
  }
}

/** An agent has one host: that is its home. */
function Home() {
  const program = useSelected(programOf);
  const hosts = useSelected(hostsOf);
  const only = hosts[0];
  return program === "agent" && only !== undefined ? <HostPage key={only.id} id={only.id} /> : <ClusterPage />;
}

function useTitle(route: Route): void {
  const first = useRef(true);
  const title = route.page === "host" ? route.id : route.page === "vm" ? route.name : route.page;
  useEffect(() => {
    document.title = `${title} – Headroom`;
    // A screen reader hears of the new page; at the first one it is there already.
    if (!first.current) document.getElementById("main")?.focus();
    first.current = false;
  }, [title]);
}

const PAGES: readonly (readonly [label: string, route: Exclude<Route, { page: "unknown" }>])[] = [
  ["Cluster", { page: "cluster" }],
  ["VMs", { page: "vms", host: "", name: "" }],
  ["Estimates", { page: "estimates", host: "" }],
  ["What if", { page: "what-if", vcpus: "2", memoryGiB: "4", ratio: "1" }],
];

function Navigation({ route }: { readonly route: Route }) {
  const agent = useSelected(programOf) === "agent";
  const section = route.page === "host" ? "cluster" : route.page === "vm" ? "vms" : route.page;
  return (
    <nav aria-label="Pages">
      {PAGES.filter(([, { page }]) => !agent || page !== "estimates").map(([label, target]) => (
        <a key={label} href={hrefOf(target)} aria-current={section === target.page ? "page" : undefined}>
          {agent && label === "Cluster" ? "Host" : label}
        </a>
      ))}
    </nav>
  );
}

/** Of one round of questions: a reader should know that it is not the page. */
const SLOW_MS = 2_000;

function Freshness({ connection }: { readonly connection: Connection }) {
  const text =
    connection.kind === "live"
      ? connection.tookMs > SLOW_MS
        ? `slow: answers take ${decimal(connection.tookMs / 1000)} s`
        : "live"
      : connection.kind === "lost"
        ? "not reachable"
        : connection.kind === "sign-in"
          ? "signed out"
          : "connecting";
  return (
    <span class={`freshness ${connection.kind}`} role="status">
      {text}
    </span>
  );
}

function Lost({ connection }: { readonly connection: Extract<Connection, { kind: "lost" }> }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <p class="problem" role="alert">
      The server does not answer: {connection.why}. What is shown is {duration(Math.max(0, now - connection.since))} old
      or older; it will be asked again by itself.
    </p>
  );
}

function SignIn({ why }: { readonly why: string }) {
  const store = useStore();
  const [token, setToken] = useState("");
  const submit = (event: Event): void => {
    event.preventDefault();
    store.signIn(token);
  };
  return (
    <form class="sign-in" onSubmit={submit}>
      <h1>Sign in</h1>
      <p class="quiet">{why}</p>
      <label>
        Token{" "}
        <input
          type="password"
          autocomplete="off"
          value={token}
          onInput={(event) => setToken(event.currentTarget.value)}
        />
      </label>
      <button type="submit" class="filled" disabled={token.trim() === ""}>
        Sign in
      </button>
      <p class="quiet">
        <code>headroom token create</code> makes tokens. This one is kept until the tab is closed.
      </p>
    </form>
  );
}

function SignOut() {
  const store = useStore();
  return (
    <button type="button" onClick={() => store.signOut()}>
      Sign out
    </button>
  );
}
