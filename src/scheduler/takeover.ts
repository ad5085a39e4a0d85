/**
 * What a new leader does before it decides anything: reads the records, asks all hosts at once how they are, and settles what
 * its predecessor left. Hosts that do not answer within the patience join when they do; what they may hold stays reserved.
 */
import type { Milliseconds } from "../core/units.js";
import { joined } from "../ports/signals.js";
import { newEntry } from "./host-entry.js";
import { isBereaved } from "./inventory.js";
import { EPOCH_PREFIX, HOST_PREFIX, REMOVED_PREFIX, VM_PREFIX } from "./record-model.js";
import type { Reign } from "./reign.js";
import type { Rounds } from "./tick.js";

/** Throws `NotLeader`, and `OperationalError` where the store cannot be read. */
export async function takeOver(reign: Reign, rounds: Rounds): Promise<void> {
  const { store } = reign.ports;
  // Read after the election: what the predecessor still tried to write since then, the fence has refused.
  const [hosts, vms] = [await store.snapshot(HOST_PREFIX), await store.snapshot(VM_PREFIX)];
  const [removed, epochs] = [await store.snapshot(REMOVED_PREFIX), await store.snapshot(EPOCH_PREFIX)];
  reign.mustLead();
  reign.epochs.load(epochs.records);
  reign.removals.load(removed.records);
  reign.prices.remember(reign.removals.all());
  reign.hosts.load(hosts.records);
  for (const record of reign.hosts.values())
    reign.entries.set(record.id, newEntry(record, reign.ports.clients(record.url)));
  reign.vms.load(vms.records);
  // Of what a predecessor has told of, nobody has to be told again.
  for (const { id, draining } of reign.hosts.values())
    if (draining && reign.room.claimsOn(id).size === 0) reign.emptied.add(id);
  for (const record of reign.vms.values()) if (isBereaved(reign, record)) reign.bereaved.add(record.name);
  await within(reign, reign.settings.takeoverPatience, () => rounds.polls());
  await within(reign, reign.settings.takeoverPatience, () => rounds.settling());
  if (reign.settings.migrationBudget > 0) reign.room.prepareForNearest();
  reign.mustLead();
}

async function within(reign: Reign, patience: Milliseconds, begin: () => readonly Promise<void>[]): Promise<void> {
  const impatient = new AbortController();
  const { signal: either, release } = joined(impatient.signal, reign.lost);
  await Promise.race([Promise.all(begin()), reign.ports.clock.sleep(patience, either)]);
  impatient.abort();
  release();
}
