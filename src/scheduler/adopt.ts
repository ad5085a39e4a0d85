/**
 * Hosts that have listened to a later epoch than this cluster's: its store was made anew, or restored from a backup, and counts
 * from the beginning. On an operator's word the cluster's epochs go on above the highest that any of its hosts has seen. On
 * nothing less: a scheduler that outbids by itself would be the replaced leader that epochs are there to stop.
 */
import { ask } from "./asking.js";
import type { HostEntry } from "./host-entry.js";
import { accept } from "./refusals.js";
import type { Reign } from "./reign.js";
import type { Adoption, ClusterResult } from "./service.js";

/** Asked about to hear an epoch; that there is none of this name is as good an answer. */
const ANY_VM = "epoch";
/** No host's name: adoptions come one after the other. */
const LOCK = "adopt hosts";

/** `dryRun`: tells what it would do, and changes nothing. */
export function adoptHosts(reign: Reign, dryRun: boolean): Promise<ClusterResult<Adoption>> {
  return reign.hostLocks.run(LOCK, async () => {
    reign.mustLead();
    const before = reign.epoch;
    const seen = await Promise.all([...reign.entries.values()].map((entry) => epochSeenBy(reign, entry)));
    const ahead = seen.filter(({ epoch }) => epoch !== null && epoch > before);
    const highest = Math.max(before, ...ahead.map(({ epoch }) => epoch ?? 0));
    if (!dryRun && ahead.length > 0) {
      await reign.raiseEpoch(highest);
      const names = ahead.map(({ entry }) => entry.id).join(", ");
      reign.events.emit("epoch-raised", {}, `an operator adopts ${names}: epochs go on at ${reign.epoch}`);
      await Promise.all(ahead.map(({ entry }) => epochSeenBy(reign, entry)));
    }
    return accept({
      dryRun,
      epoch: reign.epoch,
      highest,
      ahead: ahead.map(({ entry }) => entry.id).sort(),
      silent: seen.flatMap(({ entry, epoch }) => (epoch === null ? [entry.id] : [])).sort(),
    });
  });
}

/** The highest epoch that the host has seen, this one included; null: it did not say. */
async function epochSeenBy(
  reign: Reign,
  entry: HostEntry,
): Promise<{ readonly entry: HostEntry; readonly epoch: number | null }> {
  const asked = reign.epoch;
  const outcome = await ask(reign, entry, () => entry.client.vm(ANY_VM, asked, reign.lost));
  if (outcome.kind === "vm") return { entry, epoch: asked };
  return { entry, epoch: outcome.kind === "stale-leader" ? outcome.epoch : null };
}
