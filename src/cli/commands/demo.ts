/** `headroom demo`: a cluster of simulated hosts, or one of them, an hour of arrivals, departures and load in a minute. */
import { Command, Option } from "commander";
import { POLICY_NAMES } from "../../core/pool/policy.js";
import type { HostDemoOptions } from "../demo/options.js";
import { environment } from "../environment.js";
import { UsageError } from "../exit.js";
import { openBrowser } from "../open-browser.js";
import { onTermination } from "../termination.js";
import { version } from "../version.js";

/** The fake world runs at most 100 times as fast as ours: the agent's ticks need time between them. */
const [LEAST_SECONDS, MOST_SECONDS] = [36, 3600];
const LARGEST_SEED = 2 ** 31 - 1;

function wholeOption(name: string, least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new UsageError(`${name} is ${JSON.stringify(text)}; it must be a whole number from ${least} to ${most}`);
    }
    return value;
  };
}

interface Given {
  readonly seconds: number;
  readonly seed: number;
  readonly port: number;
  readonly policy?: HostDemoOptions["policy"];
  readonly host?: boolean;
  readonly keep?: boolean;
  readonly open?: boolean;
  readonly plain?: boolean;
}

const PORT = wholeOption("--port", 0, 65_535);

/** Policies that take the ratio from each VM, as the demonstration's VMs carry it. */
const PER_VM_POLICIES = POLICY_NAMES.filter((name) => name !== "sweetspotvm");

const EXAMPLES = `
Examples:
  headroom demo                     a scheduler and six hosts; one of them fails and comes back
  headroom demo --keep --port 8100  afterwards the cluster is yours: headroom host list, vm create, explain ...
  headroom demo --host              one host of 256 pCPUs, and where its pools' pCPUs are
`;

export function demoCommand(): Command {
  return new Command("demo")
    .description("play an hour on a simulated cluster (or one host) in a minute: VMs come and go, a host fails")
    .option("--host", "one host and its pools, pCPU by pCPU, instead of a cluster")
    .option("--seconds <number>", "wall time for the hour", wholeOption("--seconds", LEAST_SECONDS, MOST_SECONDS), 60)
    .option("--seed <number>", "another seed, another hour", wholeOption("--seed", 0, LARGEST_SEED), 1)
    .addOption(new Option("--policy <name>", "how pools grow and shrink (with --host)").choices(PER_VM_POLICIES))
    .option("--port <number>", "port of the scheduler, or of --host's agent (0: any free one)", PORT, 0)
    .option("--keep", "leave it running after the hour, until Ctrl-C")
    .option("--open", "open the dashboard in a browser where there is a desktop, and keep the cluster for it")
    .option("--plain", "lines instead of a screen (as where the output is no terminal, or CI is set)")
    .addHelpText("after", EXAMPLES)
    .action(async (given: Given) => {
      if (given.policy !== undefined && given.host !== true)
        throw new UsageError("--policy is for --host: the hosts of the cluster's demonstration have the default");
      const terminal = process.stdout;
      const plain = given.plain === true || terminal.isTTY !== true || environment("CI") !== undefined;
      const ended = onTermination();
      const { seconds, seed, port } = given;
      const open = given.open === true ? openBrowser : () => Promise.resolve(false);
      const common = { seconds, seed, port, keep: given.keep === true, open, plain, version: version() };
      const options = { ...common, signal: ended.signal, terminal };
      try {
        if (given.host === true) {
          const { runDemo } = await import("../demo/run-demo.js");
          await runDemo({ ...options, policy: given.policy ?? "headroom" });
        } else {
          const { runClusterDemo } = await import("../demo/cluster/run-cluster.js");
          await runClusterDemo(options);
        }
      } finally {
        ended.release();
      }
    });
}
