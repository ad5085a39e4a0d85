/** What whole processes cost, start-up included: the compiled command line, as users run it. */
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
export const main = join(root, "bin/start.cjs");

export interface Cost {
  readonly cpuSeconds: number;
  readonly peakMiB: number;
}

/** Put in front of a child's own code: prints what it used when it ends. */
const METER = `process.on("exit", () => { const { user, system } = process.cpuUsage();
process.stderr.write("cost " + (user + system) / 1e6 + " " + process.resourceUsage().maxRSS / 1024 + "\\n"); });`;

const moduleOf = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

function costIn(command: string, args: readonly string[], env: NodeJS.ProcessEnv): Cost {
  const { status, stderr } = spawnSync(command, args, { encoding: "utf8", env });
  const cost = /^cost (\S+) (\S+)$/m.exec(stderr);
  if (status !== 0 || cost === null) throw new Error(`${args.join(" ")} failed: ${stderr}`);
  return { cpuSeconds: Number(cost[1]), peakMiB: Number(cost[2]) };
}

/** Of Node with `args`. */
export function costOf(args: readonly string[]): Cost {
  // Certificates that this machine adds to Node's own are read at every start: no cost of ours.
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  return costIn(process.execPath, ["--import", moduleOf(METER), ...args], env);
}

/** Of `headroom` with `words`, as bin/headroom starts Node; this one, whatever stands in the path. */
export function costOfCommand(words: readonly string[]): Cost {
  const PATH = `${dirname(process.execPath)}:${process.env.PATH}`;
  const NODE_OPTIONS = `--import=${moduleOf(METER)}`;
  return costIn(join(root, "bin/headroom"), words, { ...process.env, PATH, NODE_OPTIONS });
}

/** So that what is measured is what the sources say. */
export function buildProgram(): void {
  const build = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-b", "src/cli"], {
    cwd: root,
  });
  if (build.status !== 0) console.log("the sources do not compile: what was built before is measured");
  else spawnSync(process.execPath, [join(root, "scripts/bundle-start.mjs")], { cwd: root, stdio: "inherit" });
}
