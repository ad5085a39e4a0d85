/** `headroom size`: how many hosts a list of VMs needs, for several policies, beside what none can beat. */

import Table from "cli-table3";
import { Command, Option } from "commander";
import { plural } from "../../core/plural.js";
import type { SizedHost, SizedVm } from "../../core/sizing/model.js";
import {
  type DedicatedSize,
  type SharedSize,
  SIZING_POLICIES,
  type SizingPolicy,
  type SizingReport,
  tooLarge,
} from "../../core/sizing/size.js";
import { mib } from "../../core/units.js";
import { CommandFailure, UsageError } from "../exit.js";
import { showMemory } from "../numbers.js";

const EXAMPLES = `
The file lists VMs in order of submission, one a line, with a header: vcpus and memory (memory_mib, memory_gib, mem_mb_eff ...), and where there
are some: vm_id, ratio (or oc; absent: 1), arrival_s and departure_s (absent: all at once, for ever). Plain, .gz or .zst.

Policies: first-fit; dedicated, a cluster of its own for every ratio; paper, SlackVM's progress; java_argmax, what the published simulator
meant; headroom, bid prices. Hosts are numbered from 0. docs/sizing.md says how each decides.

Examples:
  headroom size --workload inventory.csv --host 64x524288
  headroom size --workload inventory.csv --host 64x524288 --policy headroom --migrations 2
  headroom generate --scenario ovhcloud2023 --ratios 1=50,3=50 --out week.csv && headroom size --workload week.csv --host 32x131072 --json
`;

/** Where a command prints; process, or a test's own. */
export interface SizeTerminal {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown; readonly isTTY?: boolean };
}

interface Given {
  readonly workload: string;
  readonly host: SizedHost;
  readonly policy: readonly SizingPolicy[];
  readonly migrations: "0" | "1" | "2";
  readonly json?: boolean;
}

/** `32x131072`: pCPUs and MiB of one host. Throws `UsageError`. */
/** `--host` with a value where nothing is said, shown as one writes it. */
export const hostOption = (what: string, preset: string): Option =>
  new Option("--host <pCPUsxMiB>", what).argParser(parseHost).default(parseHost(preset), preset);

export function parseHost(text: string): SizedHost {
  const match = /^([1-9]\d{0,4})x([1-9]\d{0,9})$/.exec(text);
  if (match === null)
    throw new UsageError(
      `--host ${text}: expected pCPUs x MiB of one host, such as 32x131072 for 32 pCPUs and 128 GiB`,
    );
  return { pcpus: Number(match[1]), memoryMiB: mib(Number(match[2])) };
}

export function parsePolicies(text: string): readonly SizingPolicy[] {
  return text.split(",").map((name) => {
    const known = SIZING_POLICIES.find((one) => one === name.trim());
    if (known === undefined)
      throw new UsageError(`--policy ${text}: there is no "${name}"; allowed: ${SIZING_POLICIES.join(", ")}`);
    return known;
  });
}

export function sizeCommand(terminal: SizeTerminal = process): Command {
  const defaults: readonly SizingPolicy[] = ["first-fit", "dedicated", "paper", "headroom"];
  return new Command("size")
    .description("say how many hosts a list of VMs needs, by policy, beside the lower bounds")
    .requiredOption("--workload <file>", "CSV of VMs: an inventory, or a workload with times")
    .requiredOption("--host <pCPUsxMiB>", "one host, such as 32x131072", parseHost)
    .option("--policy <list>", `some of ${SIZING_POLICIES.join(", ")} (default: ${defaults.join(",")})`, parsePolicies)
    .addOption(
      new Option("--migrations <number>", "live moves that headroom may make to avoid one refusal")
        .choices(["0", "1", "2"])
        .default("0"),
    )
    .option("--json", "print JSON, with the host of every VM")
    .addHelpText("after", EXAMPLES)
    .action(async (given: Partial<Given> & Omit<Given, "policy">) => {
      const report = await size({ ...given, policy: given.policy ?? defaults }, terminal);
      terminal.stdout.write(
        given.json === true ? `${JSON.stringify(sizingJson(report))}\n` : sizingText(report, given.host),
      );
    });
}

async function size(given: Given, terminal: SizeTerminal): Promise<SizingReport> {
  const { workload, host: shape, policy: policies, migrations } = given;
  const { readWorkload } = await import("../../trace/workload/workload-file.js");
  const vms = await readWorkload(workload);
  refuseTooLarge(workload, vms, shape);
  const { sizeWorkload } = await import("../../core/sizing/size.js");
  const { highsSolver } = await import("../../drivers/highs/solver.js");
  const solver = highsSolver();
  const onProgress = (what: string): void => {
    if (terminal.stderr.isTTY === true && given.json !== true)
      terminal.stderr.write(`${vms.length} VMs: ${what} ...\n`);
  };
  try {
    const moves = migrations === "2" ? 2 : migrations === "1" ? 1 : 0;
    return await sizeWorkload({ vms, shape, policies, migrations: moves, solve: solver.solve, onProgress });
  } finally {
    await solver.close();
  }
}

function refuseTooLarge(path: string, vms: readonly SizedVm[], shape: SizedHost): void {
  const vm = tooLarge(vms, shape);
  if (vm === null) return;
  const host = `a host has ${shape.pcpus} pCPUs and ${showMemory(shape.memoryMiB)}`;
  throw new CommandFailure(
    `${path}: VM ${vm.id} wants ${plural(vm.vcpus, "vCPU")} and ${showMemory(vm.memoryMiB)}, ${host}: no number of hosts takes it`,
  );
}

/** Ratios that the experiment sells are always named, also where none was. */
const USUAL_RATIOS = [1, 2, 3];

/** Ids that are whole numbers are numbers, as in the references. */
const idOf = (id: string): number | string => (/^(0|[1-9]\d{0,14})$/.test(id) ? Number(id) : id);

export function sizingJson({ policies, lowerBound }: SizingReport): unknown {
  const entries = [...policies].map(([name, sized]) => [name, "byRatio" in sized ? dedicated(sized) : shared(sized)]);
  return { policies: Object.fromEntries(entries), lowerBound };
}

function dedicated({ hosts, byRatio }: DedicatedSize): unknown {
  const byLevel: Record<string, number> = Object.fromEntries(USUAL_RATIOS.map((ratio) => [String(ratio), 0]));
  for (const each of byRatio) byLevel[String(each.ratio)] = each.hosts;
  return { hosts, byLevel };
}

function shared({ hosts, placement, refusedWithOneLess: refused, moves }: SharedSize): unknown {
  const refusedWithOneLess = refused === null ? null : { vm: idOf(refused.vm), t: refused.at };
  return { hosts, placement, refusedWithOneLess, ...(moves === null ? {} : { moves }) };
}

export function sizingText({ policies, lowerBound }: SizingReport, shape: SizedHost): string {
  const least = Math.max(lowerBound.volume, lowerBound.configurationLp);
  const table = new Table({
    head: ["policy", "hosts", "above the bound", "with one host less"],
    style: { head: [], border: [], compact: true },
  });
  for (const [name, sized] of policies) {
    const above = least === 0 ? "-" : `${((sized.hosts / least - 1) * 100).toFixed(1)} %`;
    table.push([name, sized.hosts, above, noteOf(sized)]);
  }
  return `${table.toString()}
No policy needs fewer than ${least} hosts of ${shape.pcpus} pCPUs and ${showMemory(shape.memoryMiB)} (volume ${lowerBound.volume}, configurations ${lowerBound.configurationLp}).
`;
}

function noteOf(sized: SharedSize | DedicatedSize): string {
  if ("byRatio" in sized) return sized.byRatio.map(({ ratio, hosts }) => `${ratio}:1 ${hosts}`).join(", ");
  const { refusedWithOneLess: refused, moves } = sized;
  const moved = moves === null ? "" : `; ${moves} live moves`;
  return `${refused === null ? "" : `refuses ${refused.vm} at ${refused.at} s`}${moved}`;
}
