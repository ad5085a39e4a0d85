/** `headroom host`: the hosts of a cluster as its scheduler knows them, and what operators do to them. */
import { Command, Option } from "commander";
import type { ClusterHostAnswer } from "../../http/scheduler/schemas/answers.js";
import { addConnectionOptions, type Given, type Output, withScheduler } from "../agent-connection.js";
import { hostTable, stateText } from "../host-table.js";
import { type Paint, paintFor } from "../terminal.js";
import { drainCommand } from "./host-drain.js";
import { hostText } from "./status.js";

const EXAMPLES = `
Examples:
  headroom host list --state down
  headroom host drain node-7           moves its VMs to other hosts, and waits until it is empty
  headroom host forget node-7          it will not come back: its VMs are lost, their names are free once removed
`;

const STATES = ["up", "suspect", "down", "new"] as const satisfies readonly ClusterHostAnswer["state"][];

export function hostCommand(output: Output = process): Command {
  const command = new Command("host")
    .description("list, show, cordon, uncordon, drain and forget the hosts of a cluster")
    .addHelpText("after", EXAMPLES);
  const children = [listCommand(output), showCommand(output), drainCommand(output), ...verbCommands(output)];
  for (const child of children) command.addCommand(addConnectionOptions(child));
  return command;
}

function print(output: Output, given: Given, value: unknown, people: (paint: Paint) => string): void {
  output.stdout.write(given.json === true ? `${JSON.stringify(value, null, 2)}\n` : people(paintFor(output.stdout)));
}

function listCommand(output: Output): Command {
  return new Command("list")
    .description("list hosts: state, what is free")
    .addOption(new Option("--state <state>", "only hosts in this state").choices(STATES))
    .action(async (given: Given) => {
      const state = STATES.find((one) => one === given.state);
      const hosts = await withScheduler(given, output, (client) => client.hosts(state));
      print(output, given, hosts, (paint) => (hosts.length === 0 ? "No hosts.\n" : hostTable(hosts, paint)));
    });
}

function showCommand(output: Output): Command {
  return new Command("show")
    .description("show one host: state, what is free, pools")
    .argument("<id>", "id of the host")
    .action(async (id: string, given: Given) => {
      const host = await withScheduler(given, output, (client) => client.host(id));
      print(output, given, host, (paint) => clusterHostText(host, paint));
    });
}

const VERBS = [
  ["cordon", "close a host to new VMs; those that run go on", "takes no new VMs"],
  ["uncordon", "open a host to new VMs again", "takes new VMs again"],
  ["forget", "give up a silent host for good: its VMs are lost", "is forgotten"],
] as const;

const verbCommands = (output: Output): readonly Command[] =>
  VERBS.map(([verb, about, done]) =>
    new Command(verb)
      .description(about)
      .argument("<id>", "id of the host")
      .action(async (id: string, given: Given) => {
        const host = await withScheduler(given, output, (client) => client[verb](id));
        print(output, given, host, () => `${host.id} ${done}.\n`);
      }),
  );

function clusterHostText(host: ClusterHostAnswer, paint: Paint): string {
  const { silence, reserved, labels, status } = host;
  const heard = silence === null ? "never heard of" : `heard of ${(silence / 1000).toFixed(1)} s ago`;
  const lines = [
    `${paint("bold", host.id)}  ${stateText(host, paint)}; ${heard}; ${host.url}`,
    `VMs     ${host.vmCount}${reserved > 0 ? `, ${reserved} of them not confirmed yet` : ""}`,
  ];
  const named = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  if (named.length > 0) lines.push(`labels  ${named.join(", ")}`);
  for (const problem of host.problems) lines.push(paint("yellow", `problem: ${problem}`));
  if (status !== null) lines.push("", hostText({ ...status, id: status.host }, paint).trimEnd());
  return `${lines.join("\n")}\n`;
}
