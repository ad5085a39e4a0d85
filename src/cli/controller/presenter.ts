/**
 * How a controller's rounds are shown: a table that is redrawn in place on a terminal, lines elsewhere, one JSON object on
 * a line for each round with `--json`. A hypervisor that is away is told on standard error, once until it is back.
 */
import type { Milliseconds } from "../../core/units.js";
import type { OperationalError } from "../../ports/errors.js";
import { openScreen, type Screen, type Terminal } from "../screen.js";
import { type Paint, paintFor } from "../terminal.js";

/** What a controller shows of a round. */
export interface View<Report> {
  /** For programs; JSON values only. */
  json(report: Report): object;
  /** For a log: what happened in the round, a line or a few. */
  lines(report: Report, paint: Paint): readonly string[];
  /** For a terminal that is redrawn: the whole picture. */
  frame(report: Report, paint: Paint, size: { readonly columns: number; readonly rows: number }): readonly string[];
}

export interface Output {
  readonly stdout: Terminal & { readonly isTTY?: boolean };
  readonly stderr: { write(text: string): unknown };
}

export type Form = "json" | "lines" | "live";

export interface Presenter<Report> {
  report(report: Report): void;
  lost(error: OperationalError, pause: Milliseconds): void;
  /** Gives the terminal back, with the last picture on it. Idempotent. */
  close(): void;
}

export function openPresenter<Report>(view: View<Report>, form: Form, output: Output): Presenter<Report> {
  const { stdout, stderr } = output;
  const paint = paintFor(stdout);
  const size = () => ({ columns: stdout.columns ?? 80, rows: stdout.rows ?? 24 });
  let screen: Screen | null = null;
  let last: Report | null = null;
  let away = false;
  const draw = (report: Report, note: readonly string[]): void => {
    screen ??= openScreen(stdout);
    const { columns, rows } = size();
    screen.draw([...view.frame(report, paint, { columns, rows: rows - note.length }), ...note]);
  };
  return {
    report(report) {
      away = false;
      last = report;
      if (form === "json") stdout.write(`${JSON.stringify(view.json(report))}\n`);
      else if (form === "lines") for (const line of view.lines(report, paint)) stdout.write(`${line}\n`);
      else draw(report, []);
    },
    lost(error, pause) {
      const note = `${error.message}; asked again in ${Math.round(pause / 1000)} s, guests stay as they are`;
      if (form === "live" && last !== null) draw(last, [paint("yellow", note)]);
      else if (!away) stderr.write(`headroom: ${note}\n`);
      away = true;
    },
    close() {
      screen?.close();
      if (screen !== null && last !== null) stdout.write(`${view.frame(last, paint, size()).join("\n")}\n`);
      screen = null;
    },
  };
}
