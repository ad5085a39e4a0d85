/** A VM as its host sees it now: the record, and the host's own view where the host answers. Changes nothing. */
import { ask } from "./asking.js";
import type { Reign } from "./reign.js";
import type { ClusterVm } from "./service.js";
import { shownVm } from "./shown.js";

/** Null: there is no such VM, or it went while its host was asked. */
export async function inspectVm(reign: Reign, name: string): Promise<ClusterVm | null> {
  const record = reign.vms.get(name);
  const entry = record === null ? undefined : reign.entries.get(record.host);
  if (record === null || entry === undefined) return record === null ? null : shownVm(reign, record);
  const answer = await ask(reign, entry, () => entry.client.vm(name, reign.epoch, reign.lost));
  const now = reign.vms.get(name);
  if (now === null) return null;
  // A view of another VM, or from where it no longer is, would be worse than none.
  const view = answer.kind === "vm" && now.host === entry.id && answer.view?.uuid === now.uuid ? answer.view : null;
  return shownVm(reign, now, view);
}
