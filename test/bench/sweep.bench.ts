/**
 * The published sweep: 15 mixes, 2 datasets, 5 numbers of VMs, 3 policies, one seed, on two threads; beside the hours that the published
 * simulator needs for it (160 s for a single run of 500 VMs).
 */
import { runSweep } from "../../src/cli/sizing/run-sweep.js";
import { sweepText } from "../../src/cli/sizing/sweep-text.js";
import { EXPERIMENT_MIXES, type SweepPlan } from "../../src/core/sizing/sweep.js";
import { EXPERIMENT_TEMPORALITY, SCENARIOS } from "../../src/core/workload/scenario.js";
import { HOST } from "../sizing/worlds.js";

const PUBLISHED_SECONDS = 12 * 3600;

const plan: SweepPlan = {
  scenarios: [SCENARIOS.get("ovhcloud2023")!, SCENARIOS.get("azure2017")!],
  mixes: EXPERIMENT_MIXES,
  vms: [250, 500, 1_000, 2_500, 5_000],
  seeds: [1],
  temporality: EXPERIMENT_TEMPORALITY,
  shape: HOST,
  policies: ["dedicated", "first-fit", "headroom"],
  migrations: 0,
};
const began = performance.now();
const rows = await runSweep(plan, 2, () => undefined);
const seconds = (performance.now() - began) / 1000;
console.log(sweepText(rows, plan.policies, seconds).split("\n").slice(-4).join("\n").trim());
console.log(
  `${(PUBLISHED_SECONDS / seconds).toFixed(0)} x as fast as 12 hours, ${rows.length * plan.policies.length} sizings`,
);
