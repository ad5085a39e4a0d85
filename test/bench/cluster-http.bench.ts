/**
 * A cluster over HTTP, end to end: 1,000 real agents on simulated hosts in four processes, one scheduler with its store on
 * disk, one client; all on this machine's cores, so that what is counted is what they reach together. Beside it: what the
 * seeds' global scheduler needs for a decision among 50 hosts, and the floor of Kubernetes' own scheduler test at 5,000 nodes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Pool } from "undici";
import { IMAGE } from "../http/support.js";
import { compiled } from "./compiled.js";
import { printTable } from "./table.js";

const HOSTS = 1_000;
const PROCESSES = 4;
const DEPLOYS = 3_000;
/** Code is compiled as it is used: six processes get warm only after so many. */
const WARM_UP = 1_500;
const CLIENTS = 64;
const BEATS = 10_000;
/** SlackVM's global scheduler, 50 hosts, one after the other. */
const SEED_MS = 186;
/** scheduler_perf, threshold of SchedulingBasic at 5,000 nodes: pods a second. */
const KUBERNETES_RATE = 810;

interface Figures {
  readonly cpuSeconds: number;
  /** Of all agents' processes together, and of this one. */
  readonly agentsCpuSeconds: number;
  readonly clientCpuSeconds: number;
  readonly liveMiB: number;
  readonly grownMiB: number;
}

class Child {
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  constructor(file: string, ...args: readonly string[]) {
    this.child = spawn(process.execPath, ["--expose-gc", file, ...args], { stdio: ["pipe", "pipe", "inherit"] });
    this.lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  async line(): Promise<string> {
    const { value, done } = await this.lines.next();
    if (done) throw new Error("a process of the benchmark ended");
    return value;
  }

  say(text: string): void {
    this.child.stdin!.write(`${text}\n`);
  }

  end(): void {
    this.child.kill();
  }
}

const children: Child[] = [];
process.on("exit", () => {
  for (const child of children) child.end();
});
function start(file: string, ...args: readonly string[]): Child {
  const child = new Child(file, ...args);
  children.push(child);
  return child;
}

const [AGENTS = "", SCHEDULER = ""] = compiled("cluster-agents.ts", "cluster-scheduler.ts");
const each = HOSTS / PROCESSES;
const agents = Array.from({ length: PROCESSES }, (_, i) => start(AGENTS, String(each), String(i * each)));
const urls = (await Promise.all(agents.map(async (one) => JSON.parse(await one.line()) as string[]))).flat();
const scheduler = start(SCHEDULER);
const joining = performance.now();
scheduler.say(JSON.stringify(urls));
const pool = new Pool(`http://127.0.0.1:${await scheduler.line()}`, { connections: CLIENTS });
const joinedMs = performance.now() - joining;
async function ofChild(child: Child): Promise<Figures> {
  child.say("");
  return JSON.parse(await child.line()) as Figures;
}
async function figures(): Promise<Figures> {
  const [own, ...others] = await Promise.all([scheduler, ...agents].map(ofChild));
  const { user, system } = process.cpuUsage();
  const agentsCpuSeconds = others.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0);
  return { ...own!, agentsCpuSeconds, clientCpuSeconds: (user + system) / 1e6 };
}

async function ask(method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
  const withBody =
    body === undefined ? {} : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
  const { statusCode, body: answer } = await pool.request({ method, path, ...withBody });
  const text = await answer.text();
  if (statusCode >= 300) throw new Error(`${path}: ${statusCode} ${text.slice(0, 300)}`);
  return JSON.parse(text);
}

/** Runs `work` for 0 .. count - 1 on all connections; gives ms in all, and of each. */
async function load(count: number, work: (index: number) => Promise<unknown>): Promise<{ ms: number; each: number[] }> {
  let next = 0;
  const each: number[] = [];
  const began = performance.now();
  const client = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const started = performance.now();
      await work(index);
      each.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return { ms: performance.now() - began, each: each.sort((a, b) => a - b) };
}

const shapes = [
  { vcpus: 1, memoryMiB: 1024, ratio: 3 },
  { vcpus: 2, memoryMiB: 2048, ratio: 2 },
  { vcpus: 4, memoryMiB: 8192, ratio: 1 },
];
const deploy = (prefix: string) => (index: number) =>
  ask("POST", "/v1/vms", { name: `${prefix}-${index}`, image: IMAGE, ...shapes[index % shapes.length] });

const joined = await figures();
await load(WARM_UP, deploy("warm"));
const before = await figures();
const deploys = await load(DEPLOYS, deploy("vm"));
const after = await figures();

interface Page {
  readonly items: readonly { id: string; machineId: string; status: { instance: string; generation: number } }[];
}
const { items } = (await ask("GET", "/v1/hosts?limit=1000")) as Page;
const beat = (index: number) => {
  const { id, machineId, status } = items[index % items.length]!;
  const tag = `${status.instance}/${status.generation}`;
  return ask("POST", `/v1/hosts/${id}/heartbeat`, { machineId, tag, at: Date.now() });
};
await load(1_000, beat);
const beforeBeats = await figures();
const beats = await load(BEATS, beat);
const afterBeats = await figures();

const rate = (1000 * DEPLOYS) / deploys.ms;
const cpuOf = (of: "cpuSeconds" | "agentsCpuSeconds" | "clientCpuSeconds"): number =>
  (1000 * (after[of] - before[of])) / DEPLOYS;
const cpuMs = cpuOf("cpuSeconds");
const beatCpu = afterBeats.cpuSeconds - beforeBeats.cpuSeconds;
const percentile = (part: number): string => `${deploys.each[Math.floor(part * deploys.each.length)]!.toFixed(1)} ms`;
const whole = (value: number): string => Math.round(value).toLocaleString("en");
printTable(
  [`${whole(HOSTS)} agents in ${PROCESSES} processes, ${CLIENTS} clients`, "figure"],
  [
    ["all hosts known after", `${whole(joinedMs)} ms`],
    ["scheduler's memory per host", `${((1024 * joined.grownMiB) / HOSTS).toFixed(1)} KiB`],
    ["deploys a second, end to end", whole(rate)],
    ["  p50, p99 of a deploy", `${percentile(0.5)}, ${percentile(0.99)}`],
    ["  scheduler's CPU time of a deploy", `${cpuMs.toFixed(2)} ms`],
    ["  agents' CPU time of a deploy, all together", `${cpuOf("agentsCpuSeconds").toFixed(2)} ms`],
    ["  the client's", `${cpuOf("clientCpuSeconds").toFixed(2)} ms`],
    ["  deploys per CPU second of the scheduler", whole(1000 / cpuMs)],
    ["  times the seed's (186 ms a decision, 50 hosts)", `${whole(rate / (1000 / SEED_MS))} x`],
    ["  of Kubernetes' floor (810 a second, 5,000 nodes)", `${Math.round((100 * rate) / KUBERNETES_RATE)} %`],
    [`${whole(BEATS)} heartbeats: CPU time of the scheduler`, `${beatCpu.toFixed(2)} s`],
    ["  heartbeats a second", whole((1000 * BEATS) / beats.ms)],
  ],
);
await pool.close();
process.exit(0);
