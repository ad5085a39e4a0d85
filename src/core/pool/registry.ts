/** Pool policies by name. */
import { headroomPolicy } from "./headroom/policy.js";
import type { PolicyName, PolicySettings, PoolPolicy } from "./policy.js";
import { slackvmPolicy } from "./slackvm.js";
import { sweetspotvmPolicy } from "./sweetspotvm.js";
import { vmstackPolicy } from "./vmstack.js";

const FACTORIES: Readonly<Record<PolicyName, (settings: PolicySettings) => PoolPolicy>> = {
  slackvm: slackvmPolicy,
  vmstack: vmstackPolicy,
  sweetspotvm: sweetspotvmPolicy,
  headroom: headroomPolicy,
};

/**
 * The policy bound to a host. `slackvm` and `vmstack` ignore a template; `sweetspotvm` uses its own where there is none:
 * `policy.settings.template` says what holds.
 */
export const createPolicy = (name: PolicyName, settings: PolicySettings): PoolPolicy => FACTORIES[name](settings);
