/** Runs `headroom report` in this process, and reads the numbers that it leaves. */
import { reportCommand } from "../../src/cli/commands/report.js";
import type { Cell, NumberTable } from "../../src/report/report.js";

/** What it printed. */
export async function reported(args: readonly string[]): Promise<string> {
  let stdout = "";
  const terminal = { stdout: { write: (text: string) => (stdout += text) }, stderr: { write: () => true } };
  const command = reportCommand(terminal)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  await command.parseAsync([...args], { from: "user" });
  return stdout;
}

/** A CSV file without line ends in its cells. */
export function parsed(csv: string): NumberTable {
  const [header, ...lines] = csv
    .trimEnd()
    .split("\n")
    .map((line) =>
      [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(
        ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? "",
      ),
    );
  const cell = (text: string): Cell => (text === "" ? null : Number.isNaN(Number(text)) ? text : Number(text));
  return { columns: header!, rows: lines.map((line) => line.map(cell)) };
}
