/** Lines over time (uPlot), redrawn with the colours of the present scheme. The table under it says the same to screen readers. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

export interface Line {
  readonly label: string;
  /** Name of a CSS variable. */
  readonly colour: string;
  readonly dash?: readonly number[];
  /** Null: a gap. */
  readonly values: readonly (number | null)[];
}

interface ChartProps {
  readonly title: string;
  readonly unit: string;
  /** Seconds since the epoch. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
}

const HEIGHT = 220;
const variable = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function optionsOf(unit: string, lines: readonly Line[], width: number): uPlot.Options {
  const axis = {
    stroke: variable("--quiet"),
    grid: { stroke: variable("--line"), width: 1 },
    ticks: { stroke: variable("--line") },
  };
  return {
    width,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.08)] } },
    axes: [
      { ...axis, values: "{HH}:{mm}:{ss}", space: 90 },
      { ...axis, label: unit, size: 60, labelSize: 18 },
    ],
    series: [
      { value: "{HH}:{mm}:{ss}" },
      ...lines.map(({ label, colour, dash }) => ({
        label,
        stroke: variable(colour),
        width: 2,
        points: { show: false },
        ...(dash === undefined ? {} : { dash: [...dash] }),
      })),
    ],
  };
}

export function Chart({ title, unit, times, lines }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shape = lines.map(({ label }) => label).join("\n");
  const data: uPlot.AlignedData = [[...times], ...lines.map(({ values }) => [...values])];
  // Made anew only for other lines; new values go in below
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const draw = (): void => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(unit, lines, element.clientWidth), data, element);
    };
    draw();
    const size = new ResizeObserver(() => plot.current?.setSize({ width: element.clientWidth, height: HEIGHT }));
    size.observe(element);
    const scheme = matchMedia("(prefers-color-scheme: dark)");
    scheme.addEventListener("change", draw);
    return () => {
      size.disconnect();
      scheme.removeEventListener("change", draw);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, unit]);
  useEffect(() => plot.current?.setData(data));
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} aria-hidden="true" />
      <p class="visually-hidden">
        {lines.map(({ label, values }) => `${label}: ${Math.round(values.at(-1) ?? 0)} ${unit}`).join("; ")}
      </p>
    </figure>
  );
}
