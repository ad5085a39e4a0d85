/** Simulations by the hundred, in one process: nothing stays of one that is over, whatever was killed in it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Hypervisor } from "../../src/ports/hypervisor.js";
import { smallRun } from "./small.js";

/** Node has it only when asked. */
function garbageCollector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void;
}

/** Hypervisors of a run, one for each start of an agent. */
async function seenIn(faults: string): Promise<readonly WeakRef<Hypervisor>[]> {
  const seen: WeakRef<Hypervisor>[] = [];
  const hypervisor = (real: Hypervisor): Hypervisor => {
    seen.push(new WeakRef(real));
    return real;
  };
  await smallRun({ seed: 1, vms: 6, faults, breaks: { hypervisor } });
  return seen;
}

test("a cluster whose run is over is forgotten, with the processes that were killed or hang in it", async () => {
  const seen = await seenIn("agent-down@60+60:0,scheduler-down@200+60,host-down@400+100:1,slow-agent@600+300:2");
  assert.ok(seen.length >= 6, `${seen.length} agents were started`);
  const collect = garbageCollector();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  assert.equal(seen.filter((one) => one.deref() !== undefined).length, 0);
});
