/** The processes of a cluster under test: hosts, schedulers as the command line starts them, and the lines between them. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { request } from "undici";
import type { ClusterStore } from "../../src/ports/cluster-store.js";
import { VM_RECORDS } from "../../src/scheduler/record-model.js";
import { Line } from "../stores/etcd-lab.js";
import { IS_BUILT } from "../support/program.js";
import type { FoundRecord } from "./checker.js";
import type { Joining, Report } from "./hosts-process.js";

const HOSTS = fileURLToPath(new URL("./hosts-process.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const START = join(ROOT, "bin", "start.cjs");
const HEARTBEAT_MS = 250;
/** On a machine that does much else besides. */
const PATIENCE_MS = 90_000;

/** `bin/headroom` is started, which takes a third of the time of a start from the sources: it must be of these sources. */
export function buildProgram(): void {
  if (IS_BUILT) return;
  const { status, stdout } = spawnSync(join(ROOT, "node_modules", ".bin", "tsc"), ["-b", "src/cli"], { cwd: ROOT });
  if (status !== 0) throw new Error(`the build failed: ${stdout}`);
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "close");
}

/** The hosts, and a line to each agent that can be cut. */
export class Hosts {
  lines: readonly Line[] = [];
  private readonly child: ChildProcess;
  private readonly answers: AsyncIterator<string>;

  constructor(
    private readonly count: number,
    folder: string,
    ...more: readonly string[]
  ) {
    const args = ["--import", "tsx", HOSTS, String(count), folder, ...more];
    this.child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["pipe", "pipe", "inherit"] });
    this.answers = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
  }

  async start(): Promise<void> {
    const ports = JSON.parse(await this.answer()) as number[];
    this.lines = await Promise.all(ports.map((port) => Line.to(port)));
    if (ports.length !== this.count) throw new Error("not all hosts have started");
  }

  async join(schedulers: readonly string[]): Promise<void> {
    const joining: Joining = {
      urls: this.lines.map(({ endpoint }) => endpoint),
      schedulers,
      heartbeatMs: HEARTBEAT_MS,
    };
    this.say(JSON.stringify(joining));
    await this.answer();
  }

  async report(): Promise<Report> {
    this.say("report");
    return JSON.parse(await this.answer()) as Report;
  }

  async end(): Promise<void> {
    this.child.kill("SIGKILL");
    await ended(this.child);
    await Promise.all(this.lines.map((line) => line.close()));
  }

  private say(text: string): void {
    this.child.stdin!.write(`${text}\n`);
  }

  private async answer(): Promise<string> {
    const { value, done } = await this.answers.next();
    if (done) throw new Error("the process of the hosts has ended");
    return value;
  }
}

interface Standing {
  readonly role: string;
  readonly epoch: number | null;
  readonly leader: string | null;
}

interface Status {
  readonly leadership: Standing;
  readonly hosts: { readonly up: number };
  readonly vms: { readonly placing: number; readonly removing: number };
}

/** One scheduler, which can be killed, frozen and started again at its address. */
export class SchedulerProcess {
  url = "";
  private child: ChildProcess | null = null;

  constructor(
    readonly name: string,
    private readonly folder: string,
    private readonly flags: readonly string[],
  ) {}

  get isRunning(): boolean {
    return this.child !== null;
  }

  async start(): Promise<void> {
    const port = this.url === "" ? "0" : new URL(this.url).port;
    const common = ["--port", port, "--state-folder", join(this.folder, this.name), "--log-format", "json"];
    const times = ["--heartbeat-seconds", String(HEARTBEAT_MS / 1000), "--suspect-seconds", "2"];
    const logFile = openSync(join(this.folder, `${this.name}.log`), "a");
    const child = spawn(process.execPath, [START, "scheduler", ...common, ...times, ...this.flags], {
      cwd: this.folder,
      env: { PATH: process.env.PATH ?? "" },
      stdio: ["ignore", logFile, "pipe"],
    });
    this.child = child;
    this.url = await this.listening(child);
  }

  /** Where it listens; its log goes on being read, so that it never waits for its reader. */
  private listening(child: ChildProcess): Promise<string> {
    return new Promise((resolve, reject) => {
      let text = "";
      child.stderr!.setEncoding("utf8").on("data", (piece: string) => {
        if (text.length < 100_000) text += piece;

        const found = /"url":"([^"]+)".*"the scheduler is ready for election"/.exec(text);
        if (found !== null) resolve(found[1]!);
      });
      child.once("close", () => reject(new Error(`${this.name} has ended:\n${text}`)));
    });
  }

  async kill(): Promise<void> {
    const { child } = this;
    this.child = null;
    if (child === null) return;
    child.kill("SIGKILL");
    await ended(child);
  }

  freeze(): void {
    this.child?.kill("SIGSTOP");
  }

  thaw(): void {
    this.child?.kill("SIGCONT");
  }

  /** What it says of the leadership; null: nothing. */
  async standing(): Promise<Standing | null> {
    return (await this.status())?.leadership ?? null;
  }

  /** Until it leads and says so. */
  async says(holds: (status: Status) => boolean): Promise<void> {
    let last: Status | null = null;
    for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await pause(20)) {
      const status = await this.status();
      if (status?.leadership.role === "leader" && holds(status)) return;
      last = status ?? last;
    }
    throw new Error(`${this.name} does not say that ${holds}: ${JSON.stringify(last)}`);
  }

  /** Until no VM is on its way in or out. */
  settled(): Promise<void> {
    return this.says(({ vms }) => vms.placing + vms.removing === 0);
  }

  private async status(): Promise<Status | null> {
    try {
      const { statusCode, body } = await request(`${this.url}/v1/cluster`, { headersTimeout: 500, bodyTimeout: 500 });
      const answer = (await body.json()) as Status;
      return statusCode === 200 ? answer : null;
    } catch {
      return null;
    }
  }
}

/** The scheduler that decides, once there is one among them; with the time that took. */
export async function leaderAmong(
  schedulers: readonly SchedulerProcess[],
  patienceMs = 30_000,
): Promise<{ readonly leader: SchedulerProcess; readonly epoch: number; readonly ms: number }> {
  const began = performance.now();
  for (;;) {
    const standings = await Promise.all(schedulers.map((one) => one.standing()));
    const at = standings.findIndex((standing) => standing?.role === "leader");
    const ms = performance.now() - began;
    if (at >= 0) return { leader: schedulers[at]!, epoch: standings[at]!.epoch ?? 0, ms };
    if (ms > patienceMs) throw new Error("no scheduler leads");
    await pause(10);
  }
}

/** The VMs' records, as the checker wants them. */
export async function recordsIn(store: ClusterStore): Promise<readonly FoundRecord[]> {
  const { records } = await store.snapshot(VM_RECORDS.prefix);
  return records.map(({ key, value }) => VM_RECORDS.decode(key, value));
}
