/**
 * One host of the lab: a libvirtd with its own configuration, sockets and state in a folder of its own, which it sees in place
 * of the system's through a private mount namespace. Guests run under TCG: pins, vCPU times, run delay and balloon are real.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import type { GuestFiles } from "./guest/kernel.js";
import { domainTemplate } from "./guest/template.js";
import { clearFolder, DAEMON_PID_FILE, FOLDER_PREFIX, guestPids, OWNER_FILE } from "./left-overs.js";

const run = promisify(execFile);

/** Folders of the host, and the system's folders that they hide from the daemon. */
const HIDDEN = {
  run: "/run/libvirt",
  lib: "/var/lib/libvirt",
  cache: "/var/cache/libvirt",
  log: "/var/log/libvirt",
  etc: "/etc/libvirt",
} as const;

/** As the daemon and its guests see it: in a folder that each host has of its own, so that a guest which moves finds its place. */
const GUESTS_SEEN = "/run/libvirt/guests";

/** TCP on loopback only, for guests that move from one lab host to another. */
const daemonConf = (port: number): string => `auth_unix_rw = "none"
auth_unix_ro = "none"
listen_tls = 0
listen_tcp = 1
listen_addr = "${LOOPBACK}"
tcp_port = "${port}"
auth_tcp = "none"
host_uuid = "${randomUUID()}"
`;
/** user root: under another user every start took 48 s on machines where libvirt must wait for what this switches off. */
const QEMU_CONF = `user = "root"
group = "root"
dynamic_ownership = 0
remember_owner = 0
security_driver = "none"
namespaces = [ ]
cgroup_controllers = [ ]
stdio_handler = "file"
max_core = 0
`;
const LOOPBACK = "127.0.0.1";
const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/** Of hosts that run: cleared when this process ends, however it ends. */
const running = new Set<LabHost>();

function clearAll(): void {
  for (const host of running) {
    host.endUsers();
    clearFolder(host.folder);
  }
  running.clear();
}

export interface LabHostOptions {
  /** False: whoever started it handles signals, and stops it. */
  readonly endsWithSignals: boolean;
}

function armCleanUp({ endsWithSignals }: LabHostOptions): void {
  if (running.size > 0) return;
  process.once("exit", clearAll);
  if (!endsWithSignals) return;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      clearAll();
      process.exit(1);
    });
  }
}

export class LabHost {
  readonly folder = mkdtempSync(join(tmpdir(), FOLDER_PREFIX));
  readonly socket = join(this.folder, "run", "libvirt-sock");
  readonly uri = `qemu+unix:///system?socket=${this.socket}`;
  /** libvirt's test driver in the same daemon: one set of synthetic domains for all its connections. */
  readonly testUri = `test+unix:///default?socket=${this.socket}`;
  /** A domain template whose guests boot in a second and obey `guestCommand`. */
  readonly templatePath = join(this.folder, "domain.xml");
  /** Its name, which its daemon believes to be the machine's. */
  readonly name = `lab-${randomUUID().slice(0, 8)}`;
  /** Where other lab hosts reach its daemon. */
  readonly tcpUri: string;
  readonly #capabilities: string;
  readonly #users = new Set<ChildProcess>();
  #daemon: ChildProcess | null = null;

  private constructor(files: GuestFiles, cacheFolder: string, port: number) {
    this.tcpUri = `qemu+tcp://${LOOPBACK}:${port}/system`;
    this.#capabilities = join(cacheFolder, "qemu-capabilities");
    for (const name of [...Object.keys(HIDDEN), join("etc", "qemu"), join("run", "guests"), "images"])
      mkdirSync(join(this.folder, name));
    for (const hidden of Object.values(HIDDEN)) mkdirSync(hidden, { recursive: true });
    writeFileSync(join(this.folder, OWNER_FILE), String(process.pid));
    writeFileSync(join(this.folder, "etc", "libvirtd.conf"), daemonConf(port));
    writeFileSync(join(this.folder, "etc", "qemu.conf"), QEMU_CONF);
    writeFileSync(this.templatePath, domainTemplate(files, GUESTS_SEEN, this.folder));
    // Asking each QEMU what it can do takes libvirt seconds; the answer is good for every daemon, and it checks that it still is.
    if (existsSync(this.#capabilities)) {
      cpSync(this.#capabilities, join(this.folder, "cache", "qemu"), { recursive: true, preserveTimestamps: true });
    }
  }

  /** Up and answering. */
  static async start(
    files: GuestFiles,
    cacheFolder: string,
    options: LabHostOptions = { endsWithSignals: true },
  ): Promise<LabHost> {
    armCleanUp(options);
    const host = new LabHost(files, cacheFolder, await freePort());
    running.add(host);
    try {
      await host.startDaemon();
    } catch (error) {
      await host.stop();
      throw error;
    }
    return host;
  }

  /** Begins the daemon again where it was stopped; guests and their state are found again. */
  async startDaemon(): Promise<void> {
    const script = [
      "mount --make-rprivate /",
      'hostname "$2"',
      ...Object.entries(HIDDEN).map(([name, hidden]) => `mount --bind "$1/${name}" ${hidden}`),
      // The folder in the command line is how left-overs are known.
      'exec libvirtd --listen -f "$1/etc/libvirtd.conf" -p "$1/run/libvirtd.pid"',
    ].join(" && ");
    const log = openSync(join(this.folder, "log", "daemon.log"), "a");
    const privately = ["unshare", "--mount", "--uts", "sh", "-c", script, "sh", this.folder, this.name];
    const daemon = spawn("setpriv", ["--pdeathsig", "TERM", ...privately], {
      stdio: ["ignore", log, log],
    });
    this.#daemon = daemon;
    writeFileSync(join(this.folder, DAEMON_PID_FILE), String(daemon.pid));
    for (const until = Date.now() + START_TIMEOUT_MS; Date.now() < until; await sleep(50)) {
      if (daemon.exitCode !== null) throw new Error(`libvirtd ended with code ${daemon.exitCode} at its start`);
      if (await this.#answers()) return;
    }
    throw new Error(`libvirtd does not answer on ${this.socket}`);
  }

  async #answers(): Promise<boolean> {
    if (!existsSync(this.socket)) return false;
    return run("virsh", ["-q", "-c", this.uri, "hostname"], { timeout: 10_000 }).then(
      () => true,
      () => false,
    );
  }

  #keepCapabilities(): void {
    const made = join(this.folder, "cache", "qemu");
    if (existsSync(this.#capabilities) || !existsSync(join(made, "capabilities"))) return;
    const half = `${this.#capabilities}-${process.pid}`;
    cpSync(made, half, { recursive: true, preserveTimestamps: true });
    try {
      renameSync(half, this.#capabilities);
    } catch {
      // Another test process was quicker; its answer is as good.
      rmSync(half, { recursive: true });
    }
  }

  /** A process that uses this host, and ends with it at the latest. */
  alsoEnds(user: ChildProcess): void {
    this.#users.add(user);
    user.once("exit", () => this.#users.delete(user));
  }

  endUsers(): void {
    for (const user of this.#users) user.kill("SIGKILL");
  }

  /** Process id of the daemon. */
  get daemonPid(): number {
    const pid = this.#daemon?.pid;
    if (pid === undefined) throw new Error("the daemon does not run");
    return pid;
  }

  /** Ends the daemon; guests run on. */
  async stopDaemon(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const daemon = this.#daemon;
    this.#daemon = null;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = new Promise((resolve) => daemon.once("exit", resolve));
    daemon.kill(signal);
    await Promise.race([ended, sleep(STOP_TIMEOUT_MS, null, { ref: false })]);
    if (daemon.exitCode === null && daemon.signalCode === null) {
      daemon.kill("SIGKILL");
      await ended;
    }
  }

  /** A restart of libvirtd under its users; guests run on. */
  async restart(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    await this.stopDaemon(signal);
    await this.startDaemon();
  }

  /** The end of the host: daemon, guests, folder. */
  async stop(): Promise<void> {
    this.endUsers();
    this.#keepCapabilities();
    await this.stopDaemon();
    clearFolder(this.folder);
    running.delete(this);
  }

  /** The outside witness: what virsh prints, without empty lines at the ends. */
  async virsh(...words: readonly string[]): Promise<string> {
    const { stdout } = await run("virsh", ["-q", "-c", this.uri, ...words], { timeout: 60_000 });
    return stdout.trim();
  }

  /** Pins of each vCPU as virsh sees them: `["0-1", "3"]`. */
  async witnessPins(name: string): Promise<readonly string[]> {
    const table = await this.virsh("vcpupin", name);
    return table.split("\n").map((line) => line.trim().split(/\s+/)[1] ?? "");
  }

  /** Process ids of the QEMUs, by domain; libvirt shortens long names. */
  guestPids(): ReadonlyMap<string, number> {
    return guestPids(this.folder);
  }

  /** Sends a line to a guest (see share/lab/init.c) and gives its answer; waits until it has booted. */
  async guestCommand(name: string, command: string, timeoutMs = 30_000): Promise<string> {
    for (const until = Date.now() + timeoutMs; Date.now() < until; ) {
      const answer = await askGuest(join(this.folder, "run", "guests", `${name}.sock`), command);
      if (answer !== null) return answer;
    }
    throw new Error(`guest ${name} did not answer "${command}" within ${timeoutMs / 1000} s`);
  }
}

/** Another process could take it before the daemon does; a test then fails at its start, and says so. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, LOOPBACK);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

let questions = 0;

/**
 * Null when there is no answer within a second: the guest has not booted yet, is very busy, or lost bytes of the command. It
 * repeats what it understood before its answer, so that a command that arrived in part is never taken for one that was obeyed.
 */
function askGuest(socket: string, command: string): Promise<string | null> {
  const question = `${++questions} ${command}`;
  const beginning = `${question}: `;
  return new Promise((resolve) => {
    let heard = "";
    const stream = connect(socket);
    const finish = (answer: string | null) => {
      clearTimeout(late);
      stream.destroy();
      resolve(answer);
    };
    const late = setTimeout(() => finish(null), 1000);
    stream.on("connect", () => stream.write(`\n${question}\n`));
    stream.on("data", (chunk) => {
      heard += chunk.toString();
      const whole = heard.split(/\r?\n/).slice(0, -1);
      const answer = whole.find((line) => line.startsWith(beginning));
      if (answer !== undefined) finish(answer.slice(beginning.length));
    });
    stream.on("error", () => setTimeout(() => finish(null), 100));
  });
}
