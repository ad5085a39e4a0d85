/** One resource in sum: how much there is, how much is taken, how much is used. */
import { Bar } from "./bar.js";

interface MeterProps {
  readonly title: string;
  readonly value: string;
  readonly detail: string;
  readonly part: number;
  readonly used: number;
  readonly whole: number;
}

export const Meter = ({ title, value, detail, part, used, whole }: MeterProps) => (
  <div class="sum">
    <h2>{title}</h2>
    <p class="large">{value}</p>
    <Bar
      parts={[{ size: part, colour: "var(--blue)", label: "taken" }]}
      whole={whole}
      mark={used}
      label={`${value}; ${detail}`}
    />
    <p class="quiet">{detail}</p>
  </div>
);
