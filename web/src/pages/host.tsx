/** One host: its map of pCPUs, its pools, its VMs, its memory, its problems, and what an operator can do to it. */
import { useState } from "preact/hooks";
import type { ClusterVmAnswer, ClusterVmPage } from "../../../src/http/scheduler/schemas/answers.js";
import type { VmAnswer, VmPage } from "../../../src/http/schemas/answers.js";
import { api } from "../api.js";
import { lastOf, operates, useAsked, useSelected } from "../hooks.js";
import { ratioColour } from "../model/colours.js";
import { flatPackages, packagesOf } from "../model/cpu-map.js";
import { readCpuSet } from "../model/cpu-set.js";
import { boundsText, dynamicPools, moveText, restingOf } from "../model/dynamics.js";
import { counted, decimal, duration, memory, percent, ratioText } from "../model/format.js";
import { type HostRow, type PoolRow, stateText, stressOf, waitOf } from "../model/host-row.js";
import { Confirm } from "../parts/confirm.js";
import { CpuMap } from "../parts/cpu-map.js";
import { EventList } from "../parts/event-list.js";
import { Meter } from "../parts/meter.js";
import { ScrollArea } from "../parts/scroll-area.js";
import { Trouble } from "../parts/trouble.js";
import { VmTable } from "../parts/vm-table.js";
import type { State } from "../store.js";

const hostsOf = (state: State) => state.hosts;
const loadedOf = (state: State) => state.hostsLoaded;
const programOf = (state: State) => state.session?.program ?? null;
const eventsOf = (state: State) => state.events;

export function HostPage({ id }: { readonly id: string }) {
  const row = useSelected(hostsOf).find((host) => host.id === id);
  const loaded = useSelected(loadedOf);
  if (!loaded) return <p class="quiet">Asking for the hosts…</p>;
  if (row === undefined) {
    return (
      <>
        <h1>{id}</h1>
        <p class="problem">There is no host of this name here.</p>
      </>
    );
  }
  return <Host row={row} />;
}

function Host({ row }: { readonly row: HostRow }) {
  const [marked, setMarked] = useState<ReadonlySet<number>>(new Set());
  const events = useSelected(eventsOf);
  const scheduler = useSelected(programOf) === "scheduler";
  return (
    <>
      <div class="heading">
        <h1>{row.id}</h1>
        <Operations row={row} />
      </div>
      <p class={stressOf(row) === "calm" ? "quiet" : "warn"}>{sentence(row)}</p>
      {row.url === null ? null : (
        <p class="quiet">
          Its agent: <a href={row.url}>{row.url}</a>
        </p>
      )}
      <Problems problems={row.problems} />
      <Sums row={row} />
      <PcpuMap row={row} marked={marked} />
      <Pools pools={row.pools} />
      <DynamicPools pools={row.pools} />
      <Vms host={row.id} onPoint={(vm) => setMarked(pinsOf(vm))} />
      <h2>What happened</h2>
      <EventList events={scheduler ? events.filter((event) => event.host === row.id) : events} most={20} />
    </>
  );
}

function sentence(row: HostRow): string {
  const waiting = waitOf(row);
  const parts = [
    stateText(row),
    row.policy === "" ? null : `policy ${row.policy}`,
    row.hypervisor === "" ? null : `hypervisor ${row.hypervisor}`,
    row.state === "up" ? null : `silent for ${duration(row.silenceMs ?? 0)}`,
    waiting >= 0.05 ? `guests wait for ${decimal(waiting)} pCPUs' worth of time` : "guests get what they ask for",
  ];
  return parts.filter((part) => part !== null).join("; ");
}

const pinsOf = (vm: VmAnswer | ClusterVmAnswer | null): ReadonlySet<number> => {
  const view = vm === null ? null : "view" in vm ? vm.view : vm;
  return new Set((view?.pins ?? []).flatMap((pins) => readCpuSet(pins)));
};

function Problems({ problems }: { readonly problems: readonly string[] }) {
  if (problems.length === 0) return null;
  return (
    <ul class="problem" aria-label="Problems">
      {problems.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  );
}

function Sums({ row }: { readonly row: HostRow }) {
  const usable = row.pcpus.inPools + row.pcpus.free;
  const { allocatedMiB, capacityMiB } = row.memory;
  return (
    <section class="sums" aria-label="In sum">
      <Meter
        title="CPU"
        value={`${row.pcpus.inPools} of ${usable} pCPUs in pools`}
        detail={`${row.usagePcpus === null ? "use not known yet" : `${decimal(row.usagePcpus)} pCPUs in use`}, ${row.pcpus.reserved} kept for the host`}
        part={row.pcpus.inPools}
        used={row.usagePcpus ?? 0}
        whole={usable}
      />
      <Meter
        title="Memory"
        value={`${memory(allocatedMiB)} of ${memory(capacityMiB)} sold`}
        detail={
          row.usageMiB === null
            ? "use not known yet"
            : `${memory(row.usageMiB)} in use by guests (${percent(row.usageMiB, capacityMiB)})`
        }
        part={allocatedMiB}
        used={row.usageMiB ?? 0}
        whole={capacityMiB}
      />
    </section>
  );
}

function PcpuMap({ row, marked }: { readonly row: HostRow; readonly marked: ReadonlySet<number> }) {
  const agent = useSelected(programOf) === "agent";
  const ask = async () => packagesOf(await (agent ? api.topology() : api.hostTopology(row.id)));
  const [topology] = useAsked(`topology of ${row.id}`, ask, null);
  const packages = lastOf(topology) ?? flatPackages(row.pools);
  return (
    <section aria-labelledby="map-title">
      <h2 id="map-title">pCPUs</h2>
      <Legend pools={row.pools} />
      <CpuMap packages={packages} pools={row.pools} marked={marked} />
      {topology.kind === "failed" ? (
        <p class="quiet">
          pCPUs of pools, by number: packages, caches and cores are not known. {topology.error.message}
        </p>
      ) : null}
    </section>
  );
}

function Legend({ pools }: { readonly pools: readonly PoolRow[] }) {
  return (
    <ul class="legend" aria-hidden="true">
      {pools.map((pool) => (
        <li key={pool.ratio}>
          <b style={{ background: ratioColour(pool.ratio) }} /> {ratioText(pool.ratio)}
        </li>
      ))}
      <li>
        <b class="free" /> free
      </li>
      <li>the stronger the colour, the busier the pool</li>
    </ul>
  );
}

function Pools({ pools }: { readonly pools: readonly PoolRow[] }) {
  if (pools.length === 0) return <p class="quiet">No pool yet: the first VM of a ratio makes one.</p>;
  return (
    <ScrollArea label="Pools">
      <table>
        <caption>Pools: exclusive pCPUs of the VMs that were sold the same ratio</caption>
        <thead>
          <tr>
            <th scope="col">Ratio</th>
            <th scope="col">pCPUs</th>
            <th scope="col" class="number">
              Size
            </th>
            <th scope="col" class="number">
              Sold vCPUs
            </th>
            <th scope="col" class="number">
              Room for vCPUs
            </th>
            <th scope="col" class="number">
              In use
            </th>
            <th scope="col" class="number">
              Waiting
            </th>
            <th scope="col" class="number">
              VMs
            </th>
          </tr>
        </thead>
        <tbody>
          {pools.map((pool) => (
            <tr key={pool.ratio}>
              <th scope="row">
                <b class="swatch" style={{ background: ratioColour(pool.ratio) }} /> {ratioText(pool.ratio)}
              </th>
              <td class="set">{pool.pcpus === "" ? "none" : pool.pcpus}</td>
              <td class="number">{pool.pcpuCount}</td>
              <td class="number">{pool.allocatedVcpus}</td>
              <td class="number">{decimal(pool.freeVcpus)}</td>
              <td class="number">{pool.usagePcpus === null ? "…" : decimal(pool.usagePcpus)}</td>
              <td class="number">{pool.waitPcpus === null ? "…" : decimal(pool.waitPcpus)}</td>
              <td class="number">{pool.vms.length}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}

/** Nothing where no pool follows its usage. */
function DynamicPools({ pools }: { readonly pools: readonly PoolRow[] }) {
  const following = dynamicPools(pools);
  if (following.length === 0) return null;
  return (
    <ScrollArea label="Pools that follow their usage">
      <table>
        <caption>Pools that follow their usage: counted with what their VMs need, run on what they need now</caption>
        <thead>
          <tr>
            <th scope="col">Sold at</th>
            <th scope="col">Counted with</th>
            <th scope="col">Bounds</th>
            <th scope="col" class="number">
              Active
            </th>
            <th scope="col" class="number">
              Resting
            </th>
            <th scope="col" class="number">
              Expected peak
            </th>
            <th scope="col">Moved last</th>
          </tr>
        </thead>
        <tbody>
          {following.map((pool) => (
            <tr key={pool.ratio}>
              <th scope="row">
                <b class="swatch" style={{ background: ratioColour(pool.ratio) }} /> {ratioText(pool.ratio)}
              </th>
              <td>{ratioText(pool.dynamics.effectiveRatio)}</td>
              <td>{boundsText(pool.dynamics)}</td>
              <td class="number">{pool.dynamics.activePcpus}</td>
              <td class="number">{restingOf(pool)}</td>
              <td class="number">
                {pool.dynamics.expectedPeakPcpus === null ? "…" : decimal(pool.dynamics.expectedPeakPcpus)}
              </td>
              <td>{moveText(pool.dynamics.lastMove, Date.now())}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollArea>
  );
}

const VMS_EVERY_MS = 5_000;

function Vms({
  host,
  onPoint,
}: {
  readonly host: string;
  readonly onPoint: (vm: VmAnswer | ClusterVmAnswer | null) => void;
}) {
  const [page] = useAsked(`vms of ${host}`, () => api.vms<VmPage | ClusterVmPage>(host, null), VMS_EVERY_MS);
  const vms = lastOf(page);
  return (
    <section aria-labelledby="vms-title">
      <h2 id="vms-title">VMs</h2>
      <Trouble loaded={page} />
      {vms === null ? null : <VmTable vms={vms.items} onPoint={onPoint} />}
      {vms !== null && vms.next !== null ? <p class="quiet">The first {counted(vms.items.length, "VM")}.</p> : null}
    </section>
  );
}

function Operations({ row }: { readonly row: HostRow }) {
  const allowed = useSelected(operates);
  const scheduler = useSelected(programOf) === "scheduler";
  if (!allowed) return null;
  return (
    <div class="actions">
      {row.cordoned ? (
        <Confirm
          label="Uncordon"
          question={`Open ${row.id} to new VMs?`}
          consequence="New VMs may be placed here again; a drain that goes on ends."
          act={() => api.hostOperation(row.id, "uncordon")}
        />
      ) : (
        <Confirm
          label="Cordon"
          question={`Close ${row.id} to new VMs?`}
          consequence="VMs that run here go on. New ones go elsewhere until it is opened again."
          act={() => api.hostOperation(row.id, "cordon")}
        />
      )}
      {scheduler ? (
        <Confirm
          label="Drain"
          danger
          question={`Empty ${row.id}?`}
          consequence={`It is closed to new VMs, and its ${counted(row.vmCount, "VM")} are to leave it. What cannot be moved is listed and stays.`}
          act={() => api.hostOperation(row.id, "drain")}
        />
      ) : null}
    </div>
  );
}
