/**
 * Scenario files in the form of CloudFactory: `vm_distribution` (config_cpu, config_mem in GB: value: share), `vm_usage` (profiles with
 * avg, per, freq, rate) and `vm_premium` (oc-RATIO: share), each in a file of its own or together. Shares as published are rounded and
 * add up to a little less or more than one: they are taken in proportion. Other sections (commands of load generators) are not read.
 */
import { parse } from "yaml";
import { z } from "zod";
import { type Ratio, ratio } from "../../core/units.js";
import type { Scenario, UsageProfileShare } from "../../core/workload/scenario.js";
import type { Shares } from "../../core/workload/shares.js";
import { OperationalError } from "../../ports/errors.js";

const share = z.number("a share from 0 to 1").min(0, "a share from 0 to 1").max(1, "a share from 0 to 1");
const percent = z.number("a number from 0 to 100").min(0, "a number from 0 to 100").max(100, "a number from 0 to 100");
const bounds = z.object({ min: percent, max: percent }).refine(({ min, max }) => min <= max, "min at most max");
const rate = z.number("a rate from 0 on").min(0, "a rate from 0 on");
const shares = z.record(z.string(), share);

const profile = z.object({
  avg: bounds,
  per: bounds,
  freq: share,
  rate: z.object({ arrival: rate, departure: share, periodicity: share }),
});

const file = z.object({
  vm_distribution: z.object({ config_cpu: shares, config_mem: shares }).optional(),
  vm_usage: z.record(z.string(), profile).optional(),
  vm_premium: shares.optional(),
});

/** Rounding of published shares makes that much; more is a mistake. */
const [LEAST_SUM, MOST_SUM] = [0.9, 1.1];

export type ScenarioParts = Partial<Pick<Scenario, "vcpus" | "memoryGiB" | "profiles" | "ratios">>;

/** Throws `bad-input-file` naming the field. */
export function parseScenario(path: string, text: string): ScenarioParts {
  const wrong = (field: string, why: string): OperationalError =>
    new OperationalError("bad-input-file", `${path}: ${field}: ${why}`, false);
  const parsed = file.safeParse(yamlOf(path, text));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw wrong(issue.path.join(".") || "the file", `expected ${issue.message}`);
  }
  const { vm_distribution: sizes, vm_usage: usage, vm_premium: premium } = parsed.data;
  if (sizes === undefined && usage === undefined && premium === undefined)
    throw wrong("the file", "has none of vm_distribution, vm_usage and vm_premium");
  const checkSum = (field: string, all: readonly number[]): void => {
    const sum = all.reduce((total, each) => total + each, 0);
    if (sum < LEAST_SUM || sum > MOST_SUM) throw wrong(field, `shares add up to ${sum.toFixed(3)}, expected 1`);
  };
  const numbered = (field: string, values: Record<string, number>, least: number, name = /^()/): Shares<number> => {
    const pairs = Object.entries(values).map(([key, each]): [number, number] => {
      const value = Number(key.replace(name, ""));
      if (!(value >= least)) throw wrong(`${field}.${key}`, `expected a number from ${least}`);
      return [value, each];
    });
    checkSum(
      field,
      pairs.map(([, each]) => each),
    );
    return pairs.sort(([a], [b]) => a - b);
  };
  const profiles = Object.entries(usage ?? {}).map(([name, each]) => profileOf(name, each));
  if (usage !== undefined)
    checkSum(
      "vm_usage",
      profiles.map((each) => each.share),
    );
  return {
    ...(sizes === undefined
      ? {}
      : {
          vcpus: numbered("vm_distribution.config_cpu", sizes.config_cpu, 1),
          memoryGiB: numbered("vm_distribution.config_mem", sizes.config_mem, 1 / 1024),
        }),
    ...(usage === undefined ? {} : { profiles }),
    ...(premium === undefined ? {} : { ratios: ratiosOf(numbered("vm_premium", premium, 1, /^oc-/)) }),
  };
}

function yamlOf(path: string, text: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const why = (error as Error).message.split("\n")[0];
    throw new OperationalError("bad-input-file", `${path}: is no YAML: ${why}`, false, { cause: error });
  }
}

const ratiosOf = (pairs: Shares<number>): Shares<Ratio> => pairs.map(([value, each]) => [ratio(value), each]);

const profileOf = (name: string, { avg, per, freq, rate: rates }: z.infer<typeof profile>): UsageProfileShare => ({
  name,
  share: freq,
  mean: { least: avg.min, most: avg.max },
  p95: { least: per.min, most: per.max },
  arrival: rates.arrival,
  departure: rates.departure,
  periodic: rates.periodicity,
});
