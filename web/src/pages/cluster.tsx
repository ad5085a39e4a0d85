/** The cluster: hosts as tiles by fill and stress, what is sold against what is there and what is used, what happened lately. */
import { useState } from "preact/hooks";
import { allEstimates, api } from "../api.js";
import { lastOf, useAsked, useSelected } from "../hooks.js";
import { ratioColour } from "../model/colours.js";
import { type Expected, expectedOf } from "../model/expected.js";
import { count, counted, decimal, memory, percent, ratioText } from "../model/format.js";
import { byTrouble, type HostRow, stateText, stressOf, type Totals, totalsOf } from "../model/host-row.js";
import { hrefOf } from "../model/route.js";
import { Chart } from "../parts/chart.js";
import { EventList } from "../parts/event-list.js";
import { HostTile } from "../parts/host-tile.js";
import { LiveMoves } from "../parts/live-moves.js";
import { Meter } from "../parts/meter.js";
import type { State } from "../store.js";

const hostsOf = (state: State) => state.hosts;
const loadedOf = (state: State) => state.hostsLoaded;
const eventsOf = (state: State) => state.events;
const historyOf = (state: State) => state.history;
const clusterOf = (state: State) => state.cluster;

/** Enough for a screen; more are shown when asked for, so that a large cluster is there at once. */
const FIRST_TILES = 240;

/** Estimates are made once in a window, which is minutes at least. */
const ESTIMATES_EVERY_MS = 30_000;

/** A guest of a few GiB is moved in seconds. */
const MOVES_EVERY_MS = 2_000;

export function ClusterPage() {
  const hosts = useSelected(hostsOf);
  const loaded = useSelected(loadedOf);
  const cluster = useSelected(clusterOf);
  if (!loaded) return <p class="quiet">Asking for the hosts…</p>;
  const totals = totalsOf(hosts);
  return (
    <>
      <h1>Cluster</h1>
      {cluster === null ? null : <Leadership />}
      <Sums totals={totals} hosts={hosts} />
      {cluster === null ? null : <UnderWay />}
      <div class="columns">
        <section aria-labelledby="hosts-title">
          <Hosts hosts={hosts} />
        </section>
        <section aria-labelledby="events-title">
          <h2 id="events-title">What happened</h2>
          <Events />
        </section>
      </div>
      <Course />
    </>
  );
}

function Leadership() {
  const cluster = useSelected(clusterOf);
  if (cluster === null) return null;
  const { leadership, store, problems } = cluster;
  return (
    <>
      <p class="quiet">
        {leadership.role === "leader"
          ? "This scheduler leads"
          : `This scheduler is ${leadership.role}; leader: ${leadership.leader ?? "nobody"}`}
        {`, epoch ${leadership.epoch ?? "none"}; store: ${store.kind}${store.reachable ? "" : `, not reachable: ${store.problem ?? ""}`}`}
      </p>
      {problems.length === 0 ? null : (
        <ul class="problem" aria-label="What needs a person">
          {problems.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
    </>
  );
}

function Sums({ totals, hosts }: { readonly totals: Totals; readonly hosts: readonly HostRow[] }) {
  const troubled = byTrouble(hosts.filter((row) => stressOf(row) === "suffering" || row.state !== "up"));
  const [asked] = useAsked("estimates", allEstimates, ESTIMATES_EVERY_MS);
  const expected = expectedOf(lastOf(asked) ?? []);
  const overcommit = totals.pooled > 0 ? totals.allocatedVcpus / totals.pooled : 0;
  return (
    <section class="sums" aria-label="In sum">
      <Meter
        title="CPU"
        value={`${count(totals.pooled)} of ${count(totals.pcpus)} pCPUs in pools`}
        detail={`${count(totals.allocatedVcpus)} vCPUs sold on them (${decimal(overcommit)} a pCPU), ${decimal(totals.usedPcpus)} pCPUs in use${expectedText(expected, hosts.length, ({ pcpus }) => decimal(pcpus))}`}
        part={totals.pooled}
        used={totals.usedPcpus}
        whole={totals.pcpus}
      />
      <Meter
        title="Memory"
        value={`${memory(totals.allocatedMiB)} of ${memory(totals.memoryMiB)} sold`}
        detail={`${memory(totals.usedMiB)} in use by guests (${percent(totals.usedMiB, totals.memoryMiB)})${expectedText(expected, hosts.length, ({ memoryMiB }) => memory(memoryMiB))}`}
        part={totals.allocatedMiB}
        used={totals.usedMiB}
        whole={totals.memoryMiB}
      />
      <div class="sum">
        <h2>Hosts and VMs</h2>
        <p class="large">
          {counted(hosts.length, "host")}, {counted(totals.vms, "VM")}
        </p>
        <p class={troubled.length > 0 ? "warn" : "quiet"}>
          {troubled.length === 0 ? "No host is in trouble" : <Troubled rows={troubled} />}
        </p>
      </div>
    </section>
  );
}

function UnderWay() {
  const [asked] = useAsked("moves", api.moves, MOVES_EVERY_MS);
  const moves = lastOf(asked);
  return moves === null ? null : <LiveMoves moves={moves} />;
}

/** At most until the next estimates; says where some hosts have none. */
function expectedText(expected: Expected | null, hosts: number, shown: (expected: Expected) => string): string {
  if (expected === null) return "";
  const some = expected.hosts < hosts ? ` on ${count(expected.hosts)} of ${counted(hosts, "host")}` : "";
  return `, at most ${shown(expected)} expected${some}`;
}

/** More names than these would push the tiles away, which stand in the same order. */
const NAMED = 3;

function Troubled({ rows }: { readonly rows: readonly HostRow[] }) {
  return (
    <>
      In trouble:{" "}
      {rows.slice(0, NAMED).map((row, i) => (
        <span key={row.id}>
          {i === 0 ? "" : ", "}
          <a href={hrefOf({ page: "host", id: row.id })}>{row.id}</a> (
          {stateText(row) === "up" ? "guests wait" : stateText(row)})
        </span>
      ))}
      {rows.length > NAMED ? ` and ${count(rows.length - NAMED)} more, first in the list` : ""}
    </>
  );
}

/** What the bars of the tiles say, for who sees them for the first time. */
function Legend({ hosts }: { readonly hosts: readonly HostRow[] }) {
  const ratios = [...new Set(hosts.flatMap(({ pools }) => pools.map(({ ratio }) => ratio)))];
  if (ratios.length === 0) return null;
  return (
    <p class="quiet key">
      A pool is a set of pCPUs that belongs to the VMs of one ratio:{" "}
      {ratios
        .sort((a, b) => (a ?? 0) - (b ?? 0))
        .slice(0, 6)
        .map((ratio) => (
          <span key={ratio}>
            <b style={{ background: ratioColour(ratio) }} /> {ratioText(ratio)}{" "}
          </span>
        ))}
      (vCPUs sold per pCPU). Upper bar: pCPUs in pools; lower bar: memory sold; the mark: in use.
    </p>
  );
}

function Hosts({ hosts }: { readonly hosts: readonly HostRow[] }) {
  const [wanted, setWanted] = useState("");
  const [most, setMost] = useState(FIRST_TILES);
  const text = wanted.trim().toLowerCase();
  const matching = hosts.filter(
    (row) => text === "" || `${row.id} ${stateText(row)} ${stressOf(row)}`.toLowerCase().includes(text),
  );
  const shown = byTrouble(matching).slice(0, most);
  return (
    <>
      <div class="heading">
        <h2 id="hosts-title">Hosts</h2>
        <label>
          Name or state <input type="search" value={wanted} onInput={(event) => setWanted(event.currentTarget.value)} />
        </label>
      </div>
      {hosts.length === 0 ? <NoHosts /> : <Legend hosts={hosts} />}
      <ul class="tiles">
        {shown.map((row) => (
          <HostTile key={row.id} row={row} />
        ))}
      </ul>
      {matching.length > shown.length ? (
        <button type="button" onClick={() => setMost(most + 4 * FIRST_TILES)}>
          Show more: {count(matching.length - shown.length)} hosts are not shown
        </button>
      ) : null}
    </>
  );
}

const NoHosts = () => (
  <p class="quiet">
    No host yet. Start an agent with <code>HEADROOM_SCHEDULER_URLS</code> set to this address, or list agents with{" "}
    <code>headroom scheduler --list</code>.
  </p>
);

function Events() {
  return <EventList events={useSelected(eventsOf)} most={40} />;
}

function Course() {
  const history = useSelected(historyOf);
  if (history.length < 2) return null;
  const values = (of: (totals: Totals) => number): readonly number[] => history.map(({ totals }) => of(totals));
  return (
    <section aria-label="Since this page was opened">
      <Chart
        title="Since this page was opened: CPU"
        unit="pCPUs"
        times={history.map(({ at }) => at / 1000)}
        lines={[
          { label: "there are", colour: "--quiet", dash: [6, 4], values: values(({ pcpus }) => pcpus) },
          { label: "sold (vCPUs)", colour: "--orange", values: values(({ allocatedVcpus }) => allocatedVcpus) },
          { label: "in pools", colour: "--blue", values: values(({ pooled }) => pooled) },
          { label: "in use", colour: "--green", values: values(({ usedPcpus }) => usedPcpus) },
        ]}
      />
    </section>
  );
}
