/**
 * The host's pCPUs as nested boxes, coloured by the pool that holds each. The pool's fill shows how much of it is in use;
 * pCPUs of the marked VM are outlined. One image to a screen reader: the table of pools beside it has the numbers.
 */
import { memo } from "preact/compat";
import { ratioColour } from "../model/colours.js";
import { type Package, poolOfPcpu } from "../model/cpu-map.js";
import { decimal, ratioText } from "../model/format.js";
import type { PoolRow } from "../model/host-row.js";

interface MapProps {
  readonly packages: readonly Package[];
  readonly pools: readonly PoolRow[];
  /** pCPUs to outline. */
  readonly marked: ReadonlySet<number>;
}

/** Least of the colour that is left where a pool does nothing, so that it can still be told from free pCPUs. */
const FAINTEST = 0.3;

function shade(pool: PoolRow): number {
  if (pool.usagePcpus === null || pool.pcpuCount === 0) return FAINTEST;
  return FAINTEST + (1 - FAINTEST) * Math.min(1, pool.usagePcpus / pool.pcpuCount);
}

function titleOf(id: number, pool: PoolRow | undefined): string {
  if (pool === undefined) return `pCPU ${id}: free`;
  const used = pool.usagePcpus === null ? "" : `, ${decimal(pool.usagePcpus)} of ${pool.pcpuCount} pCPUs in use`;
  return `pCPU ${id}: pool ${ratioText(pool.ratio)}${used}`;
}

export const CpuMap = memo(({ packages, pools, marked }: MapProps) => {
  const owner = poolOfPcpu(pools);
  const label = pools
    .filter((pool) => pool.pcpuCount > 0)
    .map((pool) => `pool ${ratioText(pool.ratio)} holds ${pool.pcpuCount}`)
    .join(", ");
  return (
    <div class="cpu-map" role="img" aria-label={`Map of pCPUs: ${label === "" ? "no pool holds any" : label}`}>
      {packages.map((one) => (
        <section key={one.id} class="package">
          <p class="name">Package {one.id}</p>
          {one.cells.map((cell) => (
            <div key={cell.id} class="cell">
              <p class="name">NUMA cell {cell.id}</p>
              <div class="groups">
                {cell.groups.map((group) => (
                  <div key={group.key} class="group">
                    {group.cores.map((core) => (
                      <div key={core.pcpus[0]} class="core">
                        {core.pcpus.map((id) => {
                          const pool = owner.get(id);
                          const fill =
                            pool === undefined ? {} : { background: ratioColour(pool.ratio), opacity: shade(pool) };
                          return (
                            <span key={id} class={marked.has(id) ? "pcpu marked" : "pcpu"} title={titleOf(id, pool)}>
                              <b style={fill} />
                            </span>
                          );
                        })}
                      </div>
                    ))}
                  </div>
                ))}
              </div>
            </div>
          ))}
        </section>
      ))}
    </div>
  );
});
