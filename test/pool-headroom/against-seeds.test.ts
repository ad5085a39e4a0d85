/** What the headroom policy must never do worse than the policies that it comes from. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyName } from "../../src/core/pool/policy.js";
import { createPolicy } from "../../src/core/pool/registry.js";
import { mib, ratio } from "../../src/core/units.js";
import fc from "../support/property.js";
import { accepted, HOSTS, policyOn, vm } from "./hosts.js";

const request = fc.record({
  deploys: fc.boolean(),
  which: fc.nat(40),
  vcpus: fc.oneof({ weight: 3, arbitrary: fc.integer({ min: 1, max: 4 }) }, fc.integer({ min: 1, max: 40 })),
  asked: fc.constantFrom(1, 1.5, 2, 2.6, 3),
});

const SEEDS: readonly PolicyName[] = ["slackvm", "vmstack", "sweetspotvm"];

for (const name of SEEDS) {
  test(`with the same VMs on the host, headroom takes every VM that ${name} takes`, () => {
    for (const [hostName, topology] of HOSTS) {
      const template = name === "sweetspotvm" ? [1, 1.5, 2.6].map(ratio) : null;
      const seed = createPolicy(name, { topology, criticalSize: 0, template, hostPcpus: [] });
      const ours = policyOn(topology, { template });
      fc.assert(
        fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
          let theirs = seed.initial(mib(1e6));
          let host = ours.initial(mib(1e6));
          for (const { deploys, which, vcpus, asked } of requests) {
            const one = vm(`vm${which}`, vcpus, template === null ? asked : null);
            const result = deploys ? seed.deploy(theirs, one) : seed.remove(theirs, one.name);
            if (!result.ok) continue;
            theirs = result.value;
            host = accepted(deploys ? ours.deploy(host, one) : ours.remove(host, one.name));
            assert.ok(ours.freePcpus(host).length >= seed.freePcpus(theirs).length, hostName);
          }
        }),
        { numRuns: topology.ids.length > 64 ? 20 : 40 },
      );
    }
  });
}
