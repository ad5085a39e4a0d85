/** Where a VM may go, as options of commands that ask a scheduler. */
import type { Command } from "commander";
import type { CreateClusterVm } from "../http/scheduler/schemas/requests.js";
import type { Given } from "./agent-connection.js";
import { UsageError } from "./exit.js";

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

export const addConstraintOptions = (command: Command): Command =>
  command
    .option("--label <key=value>", "only hosts with this label; may be repeated (scheduler)", collect)
    .option("--anti-affinity <group>", "not on a host with another VM of this group (scheduler)")
    .option("--only-host <id>", "only this host; may be repeated (scheduler)", collect);

type Constraints = Pick<CreateClusterVm, "constraints">;

/** Throws `UsageError`. Empty when nothing was given, so that an agent can be asked the same way. */
export function constraintsOf({ label, antiAffinity, onlyHost }: Given): Constraints {
  const labels = (label as readonly string[] | undefined)?.map(pairOf);
  const constraints = {
    ...(labels === undefined ? {} : { labels: Object.fromEntries(labels) }),
    ...(typeof antiAffinity === "string" ? { antiAffinity } : {}),
    ...(onlyHost === undefined ? {} : { hosts: [...(onlyHost as readonly string[])] }),
  };
  return Object.keys(constraints).length === 0 ? {} : { constraints };
}

function pairOf(text: string): readonly [string, string] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new UsageError(`--label ${text}: expected key=value, such as zone=a`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}
