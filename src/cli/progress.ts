/** A progress bar with the time that remains, on terminals; nothing where nobody watches. */

export interface ProgressBar {
  /** Of the whole, from 0 to 1. */
  readonly update: (share: number) => void;
  /** May be called again. */
  readonly stop: () => void;
}

const SILENT: ProgressBar = { update: () => undefined, stop: () => undefined };

/** Drawing more often than this only costs. */
const FRAMES_PER_SECOND = 10;
const STEPS = 1000;

export async function progressBar(
  stream: { write(text: string): unknown; readonly isTTY?: boolean },
  what: string,
): Promise<ProgressBar> {
  if (stream.isTTY !== true) return SILENT;
  const { default: progress } = await import("cli-progress");
  const { Formatter } = progress.Format;
  const begun = `${what}  {bar} {percentage} %`;
  const bar = new progress.SingleBar({
    // Nothing is known of the time that remains before something is done: the library would say 0 s.
    format: (options, params, payload) =>
      Formatter({ ...options, format: params.value > 0 ? `${begun}  {eta_formatted} left` : begun }, params, payload),
    stream: process.stderr,
    fps: FRAMES_PER_SECOND,
    barsize: 30,
    clearOnComplete: true,
    hideCursor: true,
  });
  bar.start(STEPS, 0);
  return { update: (share) => bar.update(Math.min(STEPS, Math.round(share * STEPS))), stop: () => bar.stop() };
}
