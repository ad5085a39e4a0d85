/** Shows a demonstration while it goes on, whatever is played: frames on a terminal, lines now and then elsewhere. */
import { milliseconds } from "../../core/units.js";
import { realClock } from "../../drivers/linux/real-clock.js";
import { openScreen } from "../screen.js";
import { type Paint, paintFor, wantsColour } from "../terminal.js";
import type { FrameSize } from "./frame.js";
import type { HostDemoOptions } from "./options.js";

/** Often enough to look alive, seldom enough to leave the processor to what is shown. */
const FRAME_MS = milliseconds(200);
/** About so many lines for the hour. */
const PLAIN_LINES = 20;

/** What is shown: `look` sees it as it is now. */
export interface Shown<V> {
  look(): Promise<V>;
  readonly line: (view: V) => string;
  readonly frame: (view: V, size: FrameSize, paint: Paint, coloured: boolean) => string[];
}

/** Until `signal` aborts. */
export async function show<V>(
  { look, line, frame }: Shown<V>,
  { terminal, plain, seconds }: Pick<HostDemoOptions, "terminal" | "plain" | "seconds">,
  signal: AbortSignal,
): Promise<void> {
  const clock = realClock();
  const paint = paintFor(terminal);
  const coloured = wantsColour(terminal);
  const screen = plain ? null : openScreen(terminal);
  const pause = plain ? milliseconds((seconds * 1000) / PLAIN_LINES) : FRAME_MS;
  try {
    while (!signal.aborted) {
      const view = await look();
      const size = { columns: terminal.columns ?? 80, rows: terminal.rows ?? 24 };
      if (screen === null) terminal.write(line(view));
      else screen.draw(frame(view, size, paint, coloured));
      await clock.sleep(pause, signal);
    }
  } finally {
    screen?.close();
  }
}
