/** Hosts that stay full for long: where pools claim from each other at every request. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHost } from "../../src/core/pool/invariants.js";
import { mib, ratio } from "../../src/core/units.js";
import { eventsOf, RATIOS_1_2_3 } from "../bench/pool-load.js";
import { HOSTS, policyOn } from "./hosts.js";

for (const [hostName, topology] of HOSTS) {
  for (const template of [null, [1, 1.5, 2.6].map(ratio)]) {
    test(`an overloaded host keeps its promises (${hostName}, ${template === null ? "ratio per VM" : "template"})`, () => {
      const policy = policyOn(topology, { template });
      const pcpus = topology.ids.length;
      const events = eventsOf({
        seed: 11,
        load: 1.3,
        pcpus,
        deploys: 400,
        ratios: RATIOS_1_2_3,
        perVcpu: template !== null,
        mostVcpus: Math.max(1, Math.min(16, pcpus / 2)),
      });
      let host = policy.initial(mib(1e9));
      let refused = 0;
      for (const [index, event] of events.entries()) {
        const result = event.op === "deploy" ? policy.deploy(host, event.vm) : policy.remove(host, event.name);
        if (result.ok) host = result.value;
        else if (event.op === "deploy") {
          refused++;
          // Refused for want of pCPUs, and so only when the pools together really need more than there are.
          assert.equal(result.refusal.code, "no-cpu-capacity");
          assert.ok(policy.growth(host, event.vm).pcpus > policy.freePcpus(host).length);
        }
        if (index % 10 === 0) host = policy.repack!(host).host;
        assert.deepEqual(checkHost(policy, host), [], `after request ${index}`);
      }
      assert.ok(refused > 0, "the load fills the host");
    });
  }
}
