/** One host in the list of a cluster: pools as parts of a bar, memory below it, stress as its border and in words. */
import { memo } from "preact/compat";
import { ratioColour } from "../model/colours.js";
import { counted, decimal, duration, percent, ratioText } from "../model/format.js";
import { fillOf, type HostRow, stateText, stressOf, waitOf } from "../model/host-row.js";
import { hrefOf } from "../model/route.js";
import { Bar } from "./bar.js";

/** Rows are made anew with every poll; a host of which nothing shown has changed is not drawn again. */
const sameTile = (before: { readonly row: HostRow }, after: { readonly row: HostRow }): boolean =>
  before.row === after.row || tileKey(before.row) === tileKey(after.row);

const keys = new WeakMap<HostRow, string>();

function tileKey(row: HostRow): string {
  let key = keys.get(row);
  if (key === undefined) {
    key = JSON.stringify([words(row), stressOf(row), barLabel(row), row.memory, row.vmCount]);
    keys.set(row, key);
  }
  return key;
}

function words(row: HostRow): string {
  const state = stateText(row);
  if (row.state === "suspect" || row.state === "down") return `${state}, silent for ${duration(row.silenceMs ?? 0)}`;
  const stress = stressOf(row);
  if (stress === "suffering") return `${state}, guests wait for ${decimal(waitOf(row))} pCPUs`;
  return stress === "busy" ? `${state}, busy` : state;
}

function barLabel(row: HostRow): string {
  const pools = row.pools
    .filter((pool) => pool.pcpuCount > 0)
    .map((pool) => `${ratioText(pool.ratio)} ${pool.pcpuCount} pCPUs`);
  const used = row.usagePcpus === null ? "" : `; ${decimal(row.usagePcpus)} in use`;
  return `CPU ${Math.round(100 * fillOf(row))} % in pools: ${pools.length === 0 ? "none" : pools.join(", ")}${used}`;
}

export const HostTile = memo(({ row }: { readonly row: HostRow }) => {
  const usable = row.pcpus.inPools + row.pcpus.free;
  const { allocatedMiB, capacityMiB } = row.memory;
  return (
    <li class={`tile ${stressOf(row)} ${row.state}`}>
      <a href={hrefOf({ page: "host", id: row.id })}>{row.id}</a>
      <span class="state">{words(row)}</span>
      <Bar
        parts={row.pools.map((pool) => ({
          size: pool.pcpuCount,
          colour: ratioColour(pool.ratio),
          label: ratioText(pool.ratio),
        }))}
        whole={usable}
        mark={row.usagePcpus}
        label={barLabel(row)}
      />
      <Bar
        parts={[{ size: allocatedMiB, colour: "var(--grey)", label: "sold" }]}
        whole={capacityMiB}
        mark={row.usageMiB}
        label={`Memory ${percent(allocatedMiB, capacityMiB)} sold`}
      />
      <span class="quiet">
        {counted(row.vmCount, "VM")} · {row.pcpus.free} of {usable} pCPUs free
        {row.problems.length > 0 ? ` · ${counted(row.problems.length, "problem")}` : ""}
      </span>
    </li>
  );
}, sameTile);
