/** `headroom explain`: which host a VM would go to, and why not the others. Changes nothing. */
import Table from "cli-table3";
import { Command } from "commander";
import type { ClusterExplanationAnswer } from "../../http/scheduler/schemas/answers.js";
import { addConnectionOptions, type Given, type Output, withScheduler } from "../agent-connection.js";
import { parseCount, parseMemory, parseRatio } from "../numbers.js";
import { type Paint, paintFor } from "../terminal.js";
import { addConstraintOptions, constraintsOf } from "../vm-constraints.js";

const EXAMPLES = `
Examples:
  headroom explain --vcpus 4 --memory 8GiB --ratio 2
  headroom explain --vcpus 4 --memory 8GiB --ratio 1 --label zone=a --anti-affinity db --hosts 5
`;

const HOSTS_SHOWN = "20";
const text = (value: unknown): string | undefined => (typeof value === "string" ? value : undefined);

export function explainCommand(output: Output = process): Command {
  const command = new Command("explain")
    .description("say which host a VM would go to, and why not the others; changes nothing")
    .requiredOption("--vcpus <number>", "vCPUs")
    .requiredOption("--memory <size>", "memory, such as 4GiB or 512MiB (plain numbers are MiB)")
    .option("--ratio <ratio>", "allocation ratio: vCPUs per pCPU (absent: the hosts' templates decide)")
    .option("--image <path>", "disk image that the host must have")
    .option("--hosts <number>", "hosts to show, best first (--json has all)", HOSTS_SHOWN);
  return addConnectionOptions(addConstraintOptions(command))
    .addHelpText("after", EXAMPLES)
    .action(async (given: Given) => {
      const [ratio, image] = [text(given.ratio), text(given.image)];
      const wanted = {
        vcpus: parseCount(String(given.vcpus), "--vcpus"),
        memoryMiB: parseMemory(String(given.memory), "--memory"),
        ...(ratio === undefined ? {} : { ratio: parseRatio(ratio, "--ratio") }),
        ...(image === undefined ? {} : { image }),
        ...constraintsOf(given),
      };
      const shown = parseCount(String(given.hosts), "--hosts");
      const explanation = await withScheduler(given, output, (client) => client.explain(wanted));
      const people = () => explanationText(explanation, shown, paintFor(output.stdout));
      output.stdout.write(given.json === true ? `${JSON.stringify(explanation, null, 2)}\n` : people());
    });
}

function priceLine({
  price,
  source,
  vms,
  others,
  host,
  since,
}: NonNullable<ClusterExplanationAnswer["prices"]>): string {
  const lately = others === 0 ? "" : ` and ${others} that went or were refused lately`;
  const from = source === "given" ? `from a list of ${vms} expected VMs` : `learnt from ${vms} VMs${lately}`;
  const of = `a host of ${digits(host.pcpus)} pCPUs and ${host.memoryMiB} MiB`;
  return `Its price is ${digits(price)} of ${of}, ${from}; since ${new Date(since).toISOString()}.`;
}

type HostVerdict = ClusterExplanationAnswer["hosts"][number];
const digits = (score: number): string => String(Math.round(score * 10_000) / 10_000);

function roomLine({ host, moves, automatic }: NonNullable<ClusterExplanationAnswer["makesRoom"]>): string {
  const moved = moves.map(({ vm, from, to }) => `${vm} from ${from} to ${to}`).join(", then ");
  const end = automatic ? "a deploy has that done first, asking moves nothing" : "nothing is moved by asking";
  return `${host} would take it if VMs were moved live: ${moved}; ${end}.`;
}

function explanationText(
  { chosen, room, hosts, vetoes, prices, makesRoom }: ClusterExplanationAnswer,
  shown: number,
  paint: Paint,
): string {
  const lines = [
    chosen === null ? paint("red", `None of ${hosts.length} hosts fits.`) : `It would go to ${paint("bold", chosen)}.`,
  ];
  if (chosen !== null)
    lines.push(`${room} such VM${room === 1 ? " fits" : "s fit"} in all, one after the other, as far as counts tell.`);
  if (makesRoom !== null) lines.push(roomLine(makesRoom));
  if (prices !== null) lines.push(priceLine(prices));
  const objections = Object.entries(vetoes).map(([filter, count]) => `${filter}: ${count}`);
  if (objections.length > 0) lines.push(`Hosts that a filter objects to: ${objections.join(", ")}`);
  lines.push(verdictTable(hosts.slice(0, shown), paint));
  if (hosts.length > shown) lines.push(`and ${hosts.length - shown} more (--hosts, or --json for all)`);
  return `${lines.join("\n")}\n`;
}

const amount = (value: number | null, unit: string): readonly string[] =>
  value === null ? [] : [`${Math.round(value * 10) / 10} ${unit}`];

/** What its estimate says of a host, and what would follow from it. */
function estimateLines({ expected, advice }: HostVerdict): readonly string[] {
  const parts = expected === null ? [] : [...amount(expected.pcpus, "pCPUs"), ...amount(expected.memoryMiB, "MiB")];
  const lines = parts.length === 0 ? [] : [`expected peak: ${parts.join(", ")}`];
  const against = advice.filter(({ passed }) => !passed);
  return [...lines, ...against.map(({ filter, reason }) => `advice, not followed: ${filter}: ${reason}`)];
}

/** Weighers without weight are left out: they decide nothing. */
function verdictTable(hosts: readonly HostVerdict[], paint: Paint): string {
  const table = new Table({ head: ["host", "score", "room", "why"], style: { head: [], border: [], compact: true } });
  for (const verdict of hosts) {
    const { host, score, room, filters, weighers } = verdict;
    const against = filters.filter(({ passed }) => !passed).map(({ filter, reason }) => `${filter}: ${reason}`);
    const weighed = (weighers ?? [])
      .filter(({ weight }) => weight !== 0)
      .map(({ weigher, score: one, weight }) => `${weigher} ${digits(one)}${weight === 1 ? "" : ` x ${weight}`}`);
    const why = against.length > 0 ? paint("yellow", against.join("\n")) : weighed.join(", ");
    table.push([host, score === null ? "-" : digits(score), room, [why, ...estimateLines(verdict)].join("\n")]);
  }
  return table.toString();
}
