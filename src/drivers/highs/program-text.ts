/** A covering program in the LP format that HiGHS reads. */
import type { CoveringProgram } from "../../core/sizing/linear-program.js";

export function programText({ demand, columns }: CoveringProgram): string {
  const objective = columns.map((_, column) => `x${column}`).join(" + ");
  const rows = demand.map((wanted, row) => {
    const terms = columns.flatMap((column, place) => (column[row]! > 0 ? [`${column[row]} x${place}`] : []));
    return ` r${row}: ${terms.join(" + ")} >= ${wanted}`;
  });
  return `Minimize\n cost: ${objective}\nSubject To\n${rows.join("\n")}\nEnd\n`;
}
