/** One VM: what was sold, where its vCPUs are pinned, what it uses and waits for, what happened to it. */
import { useEffect, useState } from "preact/hooks";
import { ApiError, api } from "../api.js";
import { lastOf, operates, useAsked, useSelected } from "../hooks.js";
import { ratioColour } from "../model/colours.js";
import { decimal, memory, ratioText } from "../model/format.js";
import { hrefOf } from "../model/route.js";
import { Chart } from "../parts/chart.js";
import { Confirm } from "../parts/confirm.js";
import { EventList } from "../parts/event-list.js";
import { ScrollArea } from "../parts/scroll-area.js";
import { Trouble } from "../parts/trouble.js";
import { hostOf, type Vm, viewOf } from "../parts/vm-table.js";
import type { State } from "../store.js";

const eventsOf = (state: State) => state.events;
const programOf = (state: State) => state.session?.program ?? null;
const EVERY_MS = 3_000;
const KEPT = 200;

interface Point {
  readonly at: number;
  readonly used: number;
  readonly waiting: number;
}

export function VmPage({ name }: { readonly name: string }) {
  const scheduler = useSelected(programOf) === "scheduler";
  const ask = (): Promise<Vm> => (scheduler ? api.clusterVm(name) : api.agentVm(name));
  const [asked] = useAsked(name, ask, EVERY_MS);
  const vm = lastOf(asked);
  const events = useSelected(eventsOf);
  return (
    <>
      <div class="heading">
        <h1>{name}</h1>
        {vm === null ? null : <Removal name={name} />}
      </div>
      <Trouble loaded={asked} />
      {vm === null ? null : <Facts vm={vm} />}
      {vm === null ? null : <Course key={name} vm={vm} />}
      {vm === null ? null : <Pins vm={vm} />}
      <h2>What happened to it</h2>
      {scheduler ? (
        <History name={name} />
      ) : (
        <EventList events={events.filter((event) => event.vm === name)} most={30} />
      )}
    </>
  );
}

/** Where it was placed and why, its moves and changes: as the leader remembers them, asked again when something happens to it. */
function History({ name }: { readonly name: string }) {
  const latest = useSelected(eventsOf).find((event) => event.vm === name)?.id ?? 0;
  const [asked] = useAsked(`${name} ${latest}`, () => api.vmEvents(name), null);
  const history = lastOf(asked);
  // There is no such VM, as was said above.
  if (asked.kind === "failed" && asked.error instanceof ApiError && asked.error.status === 404) return null;
  if (history === null) return <Trouble loaded={asked} />;
  if (history.items.length === 0)
    return <p class="quiet">Nothing since this scheduler began to lead: it was there before.</p>;
  return <EventList events={[...history.items].reverse()} most={20} whole />;
}

function Facts({ vm }: { readonly vm: Vm }) {
  const host = hostOf(vm);
  const usage = viewOf(vm)?.usage ?? null;
  const known = (value: number | null | undefined, text: (value: number) => string): string =>
    value === null || value === undefined ? "not known" : text(value);
  return (
    <dl class="facts">
      <dt>State</dt>
      <dd>{vm.state}</dd>
      {host === null ? null : (
        <>
          <dt>Host</dt>
          <dd>
            <a href={hrefOf({ page: "host", id: host })}>{host}</a>
          </dd>
        </>
      )}
      <dt>Sold</dt>
      <dd>
        {vm.vcpus} vCPUs at <b class="swatch" style={{ background: ratioColour(vm.ratio) }} /> {ratioText(vm.ratio)},{" "}
        {memory(vm.memoryMiB)}
      </dd>
      <dt>In use</dt>
      <dd>
        {known(usage?.cpuPcpus, (value) => `${decimal(value)} pCPUs`)}, {known(usage?.memoryMiB, memory)}
      </dd>
      <dt>Waiting</dt>
      <dd>{known(usage?.waitPcpus, (value) => `${decimal(value)} pCPUs' worth of time`)}</dd>
      <dt>Image</dt>
      <dd>{vm.image ?? "no disk"}</dd>
      <dt>UUID</dt>
      <dd>{vm.uuid ?? "not confirmed yet"}</dd>
    </dl>
  );
}

/** What was seen while this page was open. */
function Course({ vm }: { readonly vm: Vm }) {
  const [points, setPoints] = useState<readonly Point[]>([]);
  useEffect(() => {
    const usage = viewOf(vm)?.usage;
    const { cpuPcpus, waitPcpus } = usage ?? { cpuPcpus: null, waitPcpus: null };
    if (cpuPcpus === null) return;
    const point = { at: Date.now(), used: cpuPcpus, waiting: waitPcpus ?? 0 };
    setPoints((before) => [...before, point].slice(-KEPT));
  }, [vm]);
  if (points.length < 2) return null;
  return (
    <Chart
      title="CPU since this page was opened"
      unit="pCPUs"
      times={points.map(({ at }) => at / 1000)}
      lines={[
        { label: "sold", colour: "--quiet", dash: [6, 4], values: points.map(() => vm.vcpus) },
        { label: "in use", colour: "--green", values: points.map(({ used }) => used) },
        { label: "waiting", colour: "--vermilion", values: points.map(({ waiting }) => waiting) },
      ]}
    />
  );
}

function Pins({ vm }: { readonly vm: Vm }) {
  const view = viewOf(vm);
  if (view === null)
    return <p class="quiet">Its host's own view was not to be had just now: pins are not known here.</p>;
  if (view.pins.length === 0) return <p class="quiet">It is not pinned: only VMs that run are.</p>;
  return (
    <ScrollArea label="Pins">
      <table>
        <caption>Each vCPU and where it may run</caption>
        <thead>
          <tr>
            <th scope="col">vCPU</th>
            <th scope="col">Ratio</th>
            <th scope="col">pCPUs</th>
          </tr>
        </thead>
        <tbody>
          {view.pins.map((pins, vcpu) => (
            <tr key={`${vcpu} ${pins}`}>
              <th scope="row">{vcpu}</th>
              <td>
                <b class="swatch" style={{ background: ratioColour(view.vcpuRatios[vcpu] ?? null) }} />{" "}
                {ratioText(view.vcpuRatios[vcpu] ?? null)}
              </td>
              <td class="set">{pins}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}

function Removal({ name }: { readonly name: string }) {
  if (!useSelected(operates)) return null;
  return (
    <Confirm
      label="Remove"
      danger
      question={`Remove ${name}?`}
      consequence="The VM is stopped and its disk overlay is deleted. This cannot be undone."
      act={() => api.removeVm(name)}
      done={() => {
        location.hash = hrefOf({ page: "vms", host: "", name: "" });
      }}
    />
  );
}
