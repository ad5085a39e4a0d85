/**
 * Draws frames in place on a terminal's alternate screen, and gives the terminal back as it was, also when the process is
 * interrupted. Writes a whole frame at once, each line cleared behind its end, so that nothing flickers.
 */

/** What is needed of `process.stdout`. */
export interface Terminal {
  write(text: string): unknown;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

const ENTER = "\u001b[?1049h\u001b[?25l\u001b[2J";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE_END = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

export interface Screen {
  draw(lines: readonly string[]): void;
  /** Idempotent. */
  close(): void;
}

export function openScreen(terminal: Terminal): Screen {
  let open = true;
  terminal.write(ENTER);
  return {
    draw(lines) {
      if (open) terminal.write(HOME + lines.map((line) => line + CLEAR_LINE_END).join("\r\n") + CLEAR_BELOW);
    },
    close() {
      if (open) terminal.write(LEAVE);
      open = false;
    },
  };
}
