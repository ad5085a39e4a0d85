/** A small cluster that is full soon, and to which much happens in twenty minutes: made from a seed. */
import { createHash } from "node:crypto";
import { parseShares } from "../../src/cli/sizing/scenarios.js";
import { mib, seconds } from "../../src/core/units.js";
import type { Course } from "../../src/core/workload/course.js";
import { SCENARIOS } from "../../src/core/workload/scenario.js";
import type { Breaks } from "../../src/simulator/options.js";
import { type DynamicPlan, optionsOf, type PlacementName } from "../../src/simulator/plan.js";
import { type Summary, simulate } from "../../src/simulator/simulate.js";
import { generatedVms } from "../../src/simulator/workload.js";

export interface SmallRun {
  readonly seed: number;
  readonly faults?: string;
  readonly breaks?: Breaks;
  readonly correlation?: number;
  readonly dynamic?: DynamicPlan | null;
  readonly memoryRatio?: number;
  /** Of a host. */
  readonly memoryMiB?: number;
  readonly course?: Course;
  readonly hosts?: number;
  readonly vms?: number;
  readonly placement?: PlacementName;
  readonly migrations?: number;
}

/** Of Azure's sizes: the largest fit on the hosts. */
const SCENARIO = { ...SCENARIOS.get("azure2017")!, ratios: parseShares("1=40,2=30,3=30") };
const TEMPORALITY = { slice: seconds(60), day: seconds(600), days: 2 };
const [HOST_PCPUS, HOST_MIB] = [16, 65_536];

export interface SmallOutcome {
  readonly summary: Summary;
  /** Of everything that the run told. */
  readonly digest: string;
  readonly kinds: ReadonlySet<string>;
}

export async function smallRun(run: SmallRun): Promise<SmallOutcome> {
  const {
    seed,
    faults = "",
    breaks,
    correlation = 0,
    dynamic = null,
    memoryRatio = 1,
    memoryMiB = HOST_MIB,
    course = "independent",
    hosts = 4,
    vms: count = 36,
    placement = "headroom",
    migrations = 0,
  } = run;
  const vms = generatedVms(SCENARIO, TEMPORALITY, count, seed);
  const times = { step: seconds(10), tick: seconds(10), sample: seconds(60), day: seconds(600) };
  const plan = {
    hosts,
    shape: { pcpus: HOST_PCPUS, memoryMiB: mib(memoryMiB) },
    placement,
    migrations,
    seed,
    ...times,
    faults,
    correlation,
    course,
    dynamic,
    ratioFactor: 1,
    memoryRatio,
  };
  const digest = createHash("sha256");
  const kinds = new Set<string>();
  const summary = await simulate(
    { ...optionsOf(plan, vms), ...(breaks === undefined ? {} : { breaks }) },
    {
      event: (event) => {
        digest.update(JSON.stringify(event));
        kinds.add(event.kind);
      },
      sample: (sample) => digest.update(JSON.stringify(sample)),
      progress: () => undefined,
    },
  );
  digest.update(JSON.stringify(summary));
  return { summary, digest: digest.digest("hex"), kinds };
}
