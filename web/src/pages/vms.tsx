/** All VMs, a page at a time; found by name or by host. */
import { useState } from "preact/hooks";
import type { ClusterVmPage } from "../../../src/http/scheduler/schemas/answers.js";
import type { VmPage } from "../../../src/http/schemas/answers.js";
import { api } from "../api.js";
import { lastOf, operates, useAsked, useSelected } from "../hooks.js";
import { hrefOf } from "../model/route.js";
import { Trouble } from "../parts/trouble.js";
import { VmTable } from "../parts/vm-table.js";
import type { State } from "../store.js";

const programOf = (state: State) => state.session?.program ?? null;
const hostsOf = (state: State) => state.hosts;

const EVERY_MS = 10_000;

export function VmsPage({ host }: { readonly host: string }) {
  const [cursors, setCursors] = useState<readonly string[]>([]);
  const [name, setName] = useState("");
  const scheduler = useSelected(programOf) === "scheduler";
  const hosts = useSelected(hostsOf);
  const allowed = useSelected(operates);
  const cursor = cursors.at(-1) ?? null;
  const [page] = useAsked(
    `${host}/${cursor ?? ""}`,
    () => api.vms<VmPage | ClusterVmPage>(host === "" ? null : host, cursor),
    EVERY_MS,
  );
  const vms = lastOf(page);
  const find = (event: Event): void => {
    event.preventDefault();
    if (name.trim() !== "") location.hash = hrefOf({ page: "vm", name: name.trim() });
  };
  const ofHost = (id: string): void => {
    setCursors([]);
    location.hash = hrefOf({ page: "vms", host: id, name: "" });
  };
  return (
    <>
      <div class="heading">
        <h1>VMs</h1>
        {allowed ? <a href={hrefOf({ page: "what-if", vcpus: "2", memoryGiB: "4", ratio: "1" })}>Deploy one</a> : null}
      </div>
      <form class="inline" onSubmit={find}>
        <label>
          Name <input value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </label>
        <button type="submit">Show it</button>
        {scheduler ? (
          <label>
            Host{" "}
            <select value={host} onChange={(event) => ofHost(event.currentTarget.value)}>
              <option value="">all hosts</option>
              {hosts.map((row) => (
                <option key={row.id} value={row.id}>
                  {row.id}
                </option>
              ))}
            </select>
          </label>
        ) : null}
      </form>
      <Trouble loaded={page} />
      {vms === null ? null : <VmTable vms={vms.items} withHost={scheduler} />}
      <div class="actions">
        <button type="button" disabled={cursors.length === 0} onClick={() => setCursors(cursors.slice(0, -1))}>
          Earlier
        </button>
        <button
          type="button"
          disabled={vms === null || vms.next === null}
          onClick={() => vms !== null && vms.next !== null && setCursors([...cursors, vms.next])}
        >
          Later
        </button>
      </div>
    </>
  );
}
