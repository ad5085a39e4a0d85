/** `headroom demo`: an agent on a simulated host, an hour of arrivals, departures and load in a minute. */
import { Command, Option } from "commander";
import { POLICY_NAMES } from "../../core/pool/policy.js";
import { environment } from "../config.js";
import type { DemoOptions } from "../demo/run-demo.js";
import { UsageError } from "../exit.js";
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
  readonly policy: DemoOptions["policy"];
  readonly keep?: boolean;
  readonly plain?: boolean;
}

/** Policies that take the ratio from each VM, as the demonstration's VMs carry it. */
const PER_VM_POLICIES = POLICY_NAMES.filter((name) => name !== "sweetspotvm");

export function demoCommand(): Command {
  return new Command("demo")
    .description("play an hour on a simulated 256-pCPU host in a minute, and show its pools grow and shrink")
    .option("--seconds <number>", "wall time for the hour", wholeOption("--seconds", LEAST_SECONDS, MOST_SECONDS), 60)
    .option("--seed <number>", "another seed, another hour", wholeOption("--seed", 0, LARGEST_SEED), 1)
    .addOption(new Option("--policy <name>", "how pools grow and shrink").choices(PER_VM_POLICIES).default("headroom"))
    .option("--port <number>", "port of the agent (0: any free one)", wholeOption("--port", 0, 65_535), 0)
    .option("--keep", "leave the agent running after the hour, until Ctrl-C")
    .option("--plain", "lines instead of a screen (as where the output is no terminal, or CI is set)")
    .action(async (given: Given) => {
      const { runDemo } = await import("../demo/run-demo.js");
      const terminal = process.stdout;
      const plain = given.plain === true || terminal.isTTY !== true || environment("CI") !== undefined;
      const ended = onTermination();
      try {
        await runDemo({
          ...given,
          keep: given.keep === true,
          plain,
          version: version(),
          signal: ended.signal,
          terminal,
        });
      } finally {
        ended.release();
      }
    });
}
