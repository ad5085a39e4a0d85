/** The embedded store keeps the promises of the port. */
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedStore } from "../../src/drivers/stores/embedded/store.js";
import type { Leadership } from "../../src/ports/cluster-store.js";
import { quietLog } from "../support/quiet-log.js";
import { storeSuite } from "./suite.js";
import { afterwards, create, mustCommit, storeFolder } from "./support.js";

storeSuite("embedded", false, async (context) => {
  const folder = await storeFolder(context);
  const keptChanges = 100;
  const store = await openEmbeddedStore({ folder, clock: realClock(), log: quietLog(), keptChanges });
  afterwards(context, () => store.close());
  const forgetHistory = async (leader: Leadership): Promise<void> => {
    for (let i = 0; i < 3; i++) {
      const changes = Array.from({ length: keptChanges }, (_, j) => create(`forgotten/${i}/${j}`, "v"));
      await mustCommit(store, leader, ...changes);
    }
  };
  return { store, other: store, forgetHistory };
});
