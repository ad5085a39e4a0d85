/** Scenarios, seeds and days as the command line names them. */
import { readFileSync } from "node:fs";
import { type Ratio, ratio, seconds } from "../../core/units.js";
import { EXCLUSIVE, SCENARIOS, type Scenario, type Temporality } from "../../core/workload/scenario.js";
import type { Shares } from "../../core/workload/shares.js";
import { CommandFailure, UsageError } from "../exit.js";
import { parseRatio } from "../numbers.js";

const LARGEST_SEED = 2 ** 31 - 1;

/** `1=50,2=25,3=25`: shares in any unit. Throws `UsageError`. */
export function parseShares(text: string): Shares<Ratio> {
  return text.split(",").map((part) => {
    const [key = "", value = "", ...more] = part.split("=");
    if (more.length > 0 || !/^\d{1,9}(\.\d{1,6})?$/.test(value))
      throw new UsageError(`--ratios ${text}: "${part}" is not RATIO=SHARE, such as 1=50,3=50`);
    return [ratio(parseRatio(key, "--ratios")), Number(value)];
  });
}

/** `slice,day,days`: seconds, seconds, a number. Throws `UsageError`. */
export function parseTemporality(text: string): Temporality {
  const [slice = 0, day = 0, days = 0, ...more] = text
    .split(",")
    .map((part) => (/^[1-9]\d{0,7}$/.test(part) ? Number(part) : 0));
  if (more.length > 0 || slice === 0 || days === 0 || day === 0 || day % slice !== 0)
    throw new UsageError(`--temporality ${text}: expected slice,day,days, a day of whole slices, such as 360,8640,7`);
  return { slice: seconds(slice), day: seconds(day), days };
}

/** A built-in scenario, or files; what those do not say is `ovhcloud2023`'s. */
export async function scenarioOf(text: string, ratios?: string): Promise<Scenario> {
  const builtIn = SCENARIOS.get(text);
  let scenario: Scenario = builtIn ?? { ...SCENARIOS.get("ovhcloud2023")!, name: text, ratios: EXCLUSIVE };
  if (builtIn === undefined) {
    const { parseScenario } = await import("../../trace/workload/scenario-file.js");
    for (const path of text.split(",")) scenario = { ...scenario, ...parseScenario(path, textOf(path)) };
  }
  const shares = ratios === undefined ? scenario.ratios : parseShares(ratios);
  if (shares.every(([, share]) => share === 0)) throw new UsageError("--ratios: some share must be above 0");
  return { ...scenario, ratios: shares };
}

/** Throws `UsageError` naming the option. */
export function parseSeed(text: string, option: string): number {
  const seed = Number(text);
  if (!/^\d+$/.test(text) || seed > LARGEST_SEED)
    throw new UsageError(`${option} ${text}: expected a whole number from 0 to ${LARGEST_SEED}`);
  return seed;
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const known = [...SCENARIOS.keys()].join(", ");
    throw new CommandFailure(
      `--scenario ${path}: neither a built-in (${known}) nor a readable file: ${(error as Error).message}`,
    );
  }
}
