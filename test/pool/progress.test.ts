/** Progress (spec 1.4). The references compare it at every step; here are its corners. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { progress } from "../../src/core/pool/progress.js";
import { mib } from "../../src/core/units.js";
import { hostWith, laptop, policyOn, vm } from "./faithful.js";

describe("progress", () => {
  const policy = policyOn("slackvm", laptop);
  const empty = policy.initial(mib(8000));

  it("on an empty host a VM of the host's own ratio moves nothing, any other costs", () => {
    assert.equal(progress(empty, policy, vm("x", 2, 2000, 1)), 0);
    assert.equal(progress(empty, policy, vm("x", 1, 500, 1)), -500);
  });

  it("a VM that brings the host nearer to its ratio gains", () => {
    const host = hostWith(policy, [vm("a", 2, 500, 1)], mib(8000));
    // 250 MiB per pCPU now, 1000 wanted, 833.33 with it.
    assert.equal(progress(host, policy, vm("x", 1, 2000, 1)), 750 - (1000 - 2500 / 3));
  });

  it("a loss weighs more the fuller the host is", () => {
    const host = hostWith(policy, [vm("a", 4, 4000, 1)], mib(8000));
    assert.equal(progress(host, policy, vm("x", 1, 0, 1)), -200 * (1 + 4 / 8));
  });

  it("a VM that fits into its pool adds memory only", () => {
    const host = hostWith(policy, [vm("a", 2, 1000, 3)], mib(8000));
    assert.equal(progress(host, policy, vm("x", 2, 1000, 3)), 500);
  });
});
