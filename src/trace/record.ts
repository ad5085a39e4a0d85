/**
 * The seeds' monitoring trace (spec 3): tab separated, one header line, `None` for an empty cell. A timestamp holds, in this
 * order: `global cpu`; for each CPU pool a `subset cpu` and its `vm cpu` records; `global mem`; `subset mem` and its `vm mem`
 * records. One shape for reading (replay), and for writing (re-computed monitoring, `headroom agent --record`).
 */
export const TRACE_COLUMNS = [
  "tmp",
  "rec",
  "res",
  "val",
  "config",
  "subset",
  "vm_uuid",
  "vm_cmn",
  "sb_oc",
  "sb_unused",
  "sb_dsc",
] as const;

export type RecordKind = "global" | "subset" | "vm";
export type Resource = "cpu" | "mem";

export interface TraceRecord {
  /** Integer seconds. */
  readonly timestamp: number;
  readonly kind: RecordKind;
  readonly resource: Resource;
  /**
   * global: fraction of the host; pool cpu: pCPUs used; pool mem: fraction; vm: fraction of its vCPUs or memory. Null: no
   * delta exists yet.
   */
  readonly value: number | null;
  /** global: the host's pCPUs or memory; pool: its pCPUs or memory; vm: vCPUs, or memory in the recorder's unit. */
  readonly config: number;
  /** `subset-1.0`; null on global records. */
  readonly pool: string | null;
  readonly vmUuid: string | null;
  readonly vmName: string | null;
  readonly ratio: number | null;
  readonly unused: number | null;
  /** JSON text of the pool, or null. */
  readonly description: string | null;
}
