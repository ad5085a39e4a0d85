/** The frames of a server-sent event stream (WHATWG HTML 9.2.6), cut out of text that comes in arbitrary pieces. Pure. */
export interface EventFrame {
  readonly id: string;
  readonly kind: string;
  readonly data: string;
}

/** Gives the function that takes the next piece. Comments are passed over; a frame without data is none. */
export function frameReader(onFrame: (frame: EventFrame) => void): (piece: string) => void {
  let rest = "";
  let lines: string[] = [];
  const finish = (): void => {
    const field = (name: string): readonly string[] =>
      lines.filter((line) => line.startsWith(`${name}:`)).map((line) => line.slice(name.length + 1).replace(/^ /, ""));
    const data = field("data").join("\n");
    if (data !== "") onFrame({ id: field("id").at(-1) ?? "0", kind: field("event").at(-1) ?? "message", data });
    lines = [];
  };
  return (piece) => {
    const parts = (rest + piece).split(/\r\n|\n|\r(?=.)/);
    rest = parts.pop() ?? "";
    for (const line of parts) {
      if (line === "") finish();
      else lines.push(line);
    }
  };
}
