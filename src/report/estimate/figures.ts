/**
 * The figures of a comparison (spec 5.4), each for CPU and for memory: misprediction over time and cumulated, one line per strategy;
 * usage, estimate, booked and capacity over time, a row per strategy; violations as bars; and where an assessor was asked, its
 * answers on the usage. `doa` may be off by more than the host has: mispredictions stand on a scale that is linear near
 * nothing and logarithmic far from it. Of a long trace what the picture can show is drawn (thin.ts).
 */
import { areaY, dot, lineY, type Markish, ruleX, ruleY, text } from "@observablehq/plot";
import type { StrategyName } from "../../core/estimator/names.js";
import { RESOURCES, type Resource } from "../../core/estimator/resource.js";
import { COLOURS, type FigureSpec, type LegendEntry } from "../figure.js";
import { highestOf, outline, type Placed } from "../thin.js";
import type { Comparison } from "./comparison.js";

const WIDTH = 1000;
const HEIGHT = 460;
const ROW_HEIGHT = 104;
/** About as many as the picture has between its margins, and as discs of its stability fit side by side. */
const COLUMNS = 850;
const DISCS = 210;
const SECONDS_PER_HOUR = 3600;
/** Traces count memory in MB; figures in thousands of them. */
const UNITS = {
  cpu: { name: "CPU", unit: "cores", scale: 1 },
  memory: { name: "Memory", unit: "GB", scale: 1000 },
} as const;

/** Ours stands out; the others keep one colour and one pattern in every figure. */
const LOOKS: Readonly<Record<StrategyName, { readonly colour: string; readonly dashes?: string }>> = {
  headroom: { colour: COLOURS[0] },
  greedy: { colour: COLOURS[1] },
  maxpeak: { colour: COLOURS[2] },
  nsigma: { colour: COLOURS[3], dashes: "6 3" },
  percentile: { colour: COLOURS[4] },
  rclike: { colour: COLOURS[5], dashes: "6 3" },
  doa: { colour: COLOURS[6] },
  borg: { colour: COLOURS[7], dashes: "2 3" },
};

interface Point extends Placed {
  readonly strategy: StrategyName;
}

export const namesOf = ({ strategies }: Comparison): readonly StrategyName[] =>
  Object.keys(strategies) as StrategyName[];

/** Of any number of values: as arguments of Math.max they would have to fit on the stack. */
const highestIn = (values: readonly number[]): number =>
  values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);

const legendOf = (names: readonly StrategyName[]): readonly LegendEntry[] =>
  names.map((name) => ({ label: name, ...LOOKS[name] }));

export const hoursOf = ({ trace }: Comparison, occurrence: number): number =>
  (occurrence * trace.sliceScope) / SECONDS_PER_HOUR;

/** Estimate less the next window's peak, for every compared window. */
export function errorsOf(comparison: Comparison, resource: Resource, strategy: StrategyName): readonly Point[] {
  const { estimate } = comparison.strategies[strategy]!.series[resource];
  const { peak } = comparison.host[resource];
  return estimate.flatMap((need, t) => {
    const truth = peak[t + 1] ?? null;
    if (need === null || truth === null || !comparison.warm[t]) return [];
    return [{ hours: hoursOf(comparison, t + 1), value: (need - truth) / UNITS[resource].scale, strategy }];
  });
}

/** Round numbers for a scale that begins linear and goes on logarithmic, up to the largest value. */
function symlogTicks(points: readonly Point[]): readonly number[] {
  const most = highestIn([1, ...points.map(({ value }) => value)]);
  // Far below the largest they would stand on each other.
  const ticks = most > 1000 ? [0] : [0, 0.5];
  for (let power = 1; power <= most; power *= 10) ticks.push(power, 2 * power, 5 * power);
  return ticks.filter((tick) => tick <= most);
}

/** Whole lines first, broken ones over them, ours on top: where two are equal both are seen. */
const drawingOrder = (names: readonly StrategyName[]): readonly StrategyName[] => {
  const rank = (name: StrategyName): number => (name === "headroom" ? 2 : LOOKS[name].dashes === undefined ? 0 : 1);
  return [...names].sort((a, b) => rank(a) - rank(b));
};

const linesOf = (points: readonly Point[], names: readonly StrategyName[]): Markish[] =>
  names.map((name) =>
    lineY(
      outline(
        points.filter(({ strategy }) => strategy === name),
        COLUMNS,
      ),
      {
        x: "hours",
        y: "value",
        stroke: LOOKS[name].colour,
        strokeWidth: name === "headroom" ? 3 : 1.8,
        ...(LOOKS[name].dashes === undefined ? {} : { strokeDasharray: LOOKS[name].dashes }),
      },
    ),
  );

const X = { label: "time since the trace began (hours)", labelAnchor: "center", labelArrow: "none" } as const;

function misprediction(comparison: Comparison, resource: Resource, isCumulated: boolean): FigureSpec {
  const names = namesOf(comparison);
  const { name, unit } = UNITS[resource];
  const points = names.flatMap((strategy) => {
    let sum = 0;
    return errorsOf(comparison, resource, strategy).map((point) => {
      sum += Math.abs(point.value);
      return { ...point, value: isCumulated ? sum : Math.abs(point.value) };
    });
  });
  const what = isCumulated ? `${name}: misprediction, cumulated` : `${name}: misprediction`;
  return {
    title: `${what} (${comparison.trace.nodeName})`,
    subtitle: "distance between the estimate and the true peak of the window that followed; lower is better",
    legend: legendOf(names),
    plot: {
      width: WIDTH,
      height: HEIGHT,
      marginLeft: 64,
      marginBottom: 44,
      x: X,
      y: {
        type: "symlog",
        grid: true,
        label: `${isCumulated ? "cumulated " : ""}misprediction (${unit})`,
        labelArrow: "none",
        ticks: symlogTicks(points),
        tickFormat: (tick: number) => tick.toLocaleString("en"),
      },
      marks: [ruleY([0]), ...linesOf(points, drawingOrder(names))],
    },
  };
}

/** Ticks of one row, the same for all. */
const rowAxis = { grid: true, ticks: 4, labelArrow: "none", nice: true } as const;
const rows = (
  names: readonly StrategyName[],
): { readonly domain: string[]; readonly label: null; readonly padding: number } => ({
  domain: [...names],
  label: null,
  padding: 0.12,
});

function usage(comparison: Comparison, resource: Resource): FigureSpec {
  const names = namesOf(comparison);
  const { name, unit, scale } = UNITS[resource];
  const { capacity, booked, peak } = comparison.host[resource];
  const highest = (1.05 * Math.max(highestIn(capacity), highestIn(booked))) / scale;
  const cut = (value: number): number => Math.min(highest, Math.max(0, value / scale));
  const line = (values: readonly (number | null)[], strategy: StrategyName, ahead: number): readonly Point[] =>
    outline(
      values.flatMap((value, t) =>
        value === null ? [] : [{ hours: hoursOf(comparison, t + ahead), value: cut(value), strategy }],
      ),
      COLUMNS,
    );
  const all = (values: readonly (number | null)[]): readonly Point[] =>
    names.flatMap((strategy) => line(values, strategy, 0));
  const place = { x: "hours", y: "value", fy: "strategy" } as const;
  return {
    title: `${name}: usage, estimate, booked and capacity (${comparison.trace.nodeName})`,
    subtitle: "an estimate stands where the window begins that it is for; what leaves the picture is drawn at its edge",
    legend: [
      { label: "peak usage", colour: "#BBBBBB" },
      { label: "estimate", colour: COLOURS[0] },
      { label: "booked", colour: COLOURS[1], dashes: "6 3" },
      { label: "capacity", colour: "#000000", dashes: "2 3" },
    ],
    plot: {
      width: WIDTH,
      height: 70 + ROW_HEIGHT * names.length,
      marginLeft: 64,
      marginRight: 90,
      marginBottom: 44,
      x: X,
      y: { ...rowAxis, domain: [0, highest], label: `${name} (${unit})` },
      fy: rows(names),
      marks: [
        areaY(all(peak), { ...place, fill: "#D0D0D0" }),
        lineY(all(capacity), { ...place, stroke: "#000", strokeDasharray: "2 3" }),
        lineY(all(booked), { ...place, stroke: COLOURS[1], strokeDasharray: "6 3", strokeWidth: 1.6 }),
        names.map((strategy) =>
          lineY(line(comparison.strategies[strategy]!.series[resource].estimate, strategy, 1), {
            ...place,
            stroke: COLOURS[0],
            strokeWidth: 2,
          }),
        ),
      ],
    },
  };
}

function violations(comparison: Comparison, resource: Resource): FigureSpec {
  const names = namesOf(comparison);
  const { name, unit, scale } = UNITS[resource];
  const below = names.flatMap((strategy) =>
    highestOf(
      errorsOf(comparison, resource, strategy)
        .filter(({ value }) => value < 0)
        .map((point) => ({ ...point, value: -point.value })),
      COLUMNS,
    ),
  );
  const most = below.length === 0 ? 1 : highestIn(below.map(({ value }) => value));
  const sums = names.map((strategy) => {
    const { violation, windows } = comparison.strategies[strategy]![resource];
    const sum = Number((violation.sum / scale).toPrecision(3));
    return {
      strategy,
      said: `${violation.count} of ${windows} windows, ${sum} ${unit} in all, ${violation.longest} in a row`,
    };
  });
  const last = hoursOf(comparison, comparison.epoch.length);
  const windows = Math.max(1, comparison.epoch.length);
  // Of a column's bars the highest stands where its window was: as wide as two columns, no neighbours leave a gap.
  const width = windows > COLUMNS ? 2 : Math.max(1, Math.min(12, (0.7 * (WIDTH - 160)) / windows));
  return {
    title: `${name}: violations (${comparison.trace.nodeName})`,
    subtitle: "by how much usage passed the estimate made for its window; no bar is best",
    legend: [],
    plot: {
      width: WIDTH,
      height: 70 + ROW_HEIGHT * names.length,
      marginLeft: 64,
      marginRight: 90,
      marginBottom: 44,
      x: { ...X, domain: [0, last] },
      // Room for the words above the bars.
      y: { ...rowAxis, domain: [0, 1.4 * most], label: `${name} below usage (${unit})` },
      fy: rows(names),
      marks: [
        ruleY([0]),
        ruleX(below, { x: "hours", y1: 0, y2: "value", fy: "strategy", stroke: COLOURS[0], strokeWidth: width }),
        text(sums, { fy: "strategy", text: "said", frameAnchor: "top-right", dy: -1, stroke: "white", fill: "black" }),
      ],
    },
  };
}

/** Only of strategies that ask an assessor; those that do not call every window stable. */
function stability(comparison: Comparison, strategy: StrategyName): FigureSpec {
  const byResource = RESOURCES.map((resource) => {
    const { stable } = comparison.strategies[strategy]!.series[resource];
    const { peak, capacity } = comparison.host[resource];
    return peak.flatMap((value, t) =>
      value === null
        ? []
        : [
            {
              hours: hoursOf(comparison, t),
              value: (100 * value) / capacity[t]!,
              stable: stable[t]!,
              of: UNITS[resource].name,
            },
          ],
    );
  });
  const discs = (isStable: boolean) =>
    byResource.flatMap((points) =>
      outline(
        points.filter(({ stable }) => stable === isStable),
        DISCS,
      ),
    );
  const place = { x: "hours", y: "value", fy: "of" } as const;
  const [yes, no] = [COLOURS[1], COLOURS[0]];
  return {
    title: `Stability, as ${strategy} sees it (${comparison.trace.nodeName})`,
    subtitle: `each window's peak usage; discs: stable, crosses: unstable, by the assessor "${comparison.options.assessor}"`,
    legend: [
      { label: "stable (disc)", colour: yes },
      { label: "unstable (cross)", colour: no },
    ],
    plot: {
      width: WIDTH,
      height: HEIGHT,
      marginLeft: 64,
      marginRight: 90,
      marginBottom: 44,
      x: X,
      y: { ...rowAxis, label: "peak usage (% of the host)" },
      fy: { label: null, padding: 0.12 },
      marks: [
        lineY(
          byResource.flatMap((points) => outline(points, COLUMNS)),
          { ...place, stroke: "#BBBBBB" },
        ),
        dot(discs(true), { ...place, r: 4, fill: yes }),
        dot(discs(false), { ...place, r: 4, symbol: "times", stroke: no, strokeWidth: 2.5 }),
      ],
    },
  };
}

/** All figures of a comparison, by the names of their files. */
export function figuresOf(comparison: Comparison): ReadonlyMap<string, FigureSpec> {
  const figures = new Map<string, FigureSpec>();
  for (const resource of RESOURCES) {
    figures.set(`${resource}-misprediction`, misprediction(comparison, resource, false));
    figures.set(`${resource}-misprediction-cumulated`, misprediction(comparison, resource, true));
    figures.set(`${resource}-usage`, usage(comparison, resource));
    figures.set(`${resource}-violations`, violations(comparison, resource));
  }
  if (comparison.strategies.greedy !== undefined) figures.set("stability", stability(comparison, "greedy"));
  return figures;
}
