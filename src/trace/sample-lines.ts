/**
 * Samples as text, one JSON object a line: `{"host":"h","vm":"web","at":1700000000000,"values":{"cpu_usage":0.5}}`, `vm` null for
 * the host itself. Reading names the line and the field of what is wrong.
 */
import { isMetricName, METRIC_NAME_RULE } from "../core/telemetry/metric-name.js";
import { milliseconds } from "../core/units.js";
import { OperationalError } from "../ports/errors.js";
import type { Sample } from "../ports/sample-store.js";

const NEWLINE = 0x0a;
const BATCH = 500;
/** Thousands of metrics fit into it. */
const LONGEST_LINE = 1 << 20;

export const sampleLine = ({ host, vm, at, values }: Sample): string => `${JSON.stringify({ host, vm, at, values })}\n`;

const isName = (value: unknown): value is string =>
  typeof value === "string" && value !== "" && !/[\0\r\n]/.test(value);

/** What is wrong with a line's value; null: nothing. */
function problemOf(value: unknown): string | null {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return "is not a JSON object";
  const { host, vm, at, values } = value as Readonly<Record<string, unknown>>;
  if (!isName(host)) return "field host must be a name";
  if (vm !== null && !isName(vm)) return "field vm must be a name, or null for the host itself";
  if (!Number.isSafeInteger(at) || (at as number) < 0) return "field at must be whole milliseconds since the epoch";
  if (typeof values !== "object" || values === null || Array.isArray(values)) return "field values must be an object";
  for (const [name, one] of Object.entries(values)) {
    if (!isMetricName(name)) return `values: a metric is named ${METRIC_NAME_RULE}, and not ${JSON.stringify(name)}`;
    if (typeof one !== "number" || !Number.isFinite(one)) return `values.${name} must be a number`;
  }
  return null;
}

function parse(line: string, number: number, source: string): Sample {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new OperationalError("bad-input-file", `${source}: line ${number} is not JSON`, false, { cause });
  }
  const problem = problemOf(value);
  if (problem !== null) throw new OperationalError("bad-input-file", `${source}: line ${number}: ${problem}`, false);
  const { host, vm, at, values } = value as Sample;
  return { host, vm, at: milliseconds(at), values };
}

/** Batches of samples. `source`: how messages call it. Throws `OperationalError` (bad-input-file). */
export async function* samplesOfLines(
  pieces: AsyncIterable<Uint8Array>,
  source: string,
): AsyncIterable<readonly Sample[]> {
  let rest = Buffer.alloc(0);
  let number = 0;
  let batch: Sample[] = [];
  const take = (line: string): void => {
    number++;
    if (line.trim() !== "") batch.push(parse(line, number, source));
  };
  for await (const piece of pieces) {
    const bytes = Buffer.concat([rest, piece]);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      take(bytes.toString("utf8", start, end));
      start = end + 1;
      if (batch.length < BATCH) continue;
      yield batch;
      batch = [];
    }
    rest = bytes.subarray(start);
    if (rest.length > LONGEST_LINE)
      throw new OperationalError(
        "bad-input-file",
        `${source}: line ${number + 1} has no end: these are no samples`,
        false,
      );
  }
  if (rest.length > 0) take(rest.toString("utf8"));
  if (batch.length > 0) yield batch;
}
