/**
 * Real etcd for tests: clusters of one or three servers on loopback, with data in temporary folders, ended by their own
 * process numbers; and a line between client and server that can be cut in the ways in which networks fail.
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePorts, isInstalled } from "../support/servers.js";

/** For node:test's `skip`: false where etcd is installed, else the reason. */
export const skipWithoutEtcd: string | false =
  isInstalled("etcd") && isInstalled("etcdctl") ? false : "etcd is not installed (etcd-server, etcd-client)";

export interface EtcdOptions {
  readonly nodes?: 1 | 3;
  /** More arguments of every server, and the scheme of its client address. */
  readonly arguments?: readonly string[];
  readonly scheme?: "http" | "https";
}

class Node {
  private child: ChildProcess | null = null;

  constructor(
    readonly port: number,
    readonly endpoint: string,
    private readonly commandLine: readonly string[],
  ) {}

  start(): void {
    this.child = spawn("etcd", this.commandLine, { stdio: "ignore" });
  }

  /** Pulls the plug. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === null) return;
    this.child = null;
    const ended = new Promise((resolve) => child.once("close", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** Resolves when every thread stands still: the signal alone lets those that run finish what they do. */
  async freeze(): Promise<void> {
    const { pid } = this.child ?? {};
    assert.ok(pid !== undefined, "only a running server can be frozen");
    process.kill(pid, "SIGSTOP");
    const isStill = (thread: string): boolean => {
      try {
        return /^State:\s+T/m.test(readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8"));
      } catch {
        return false; // It ended meanwhile.
      }
    };
    while (!readdirSync(`/proc/${pid}/task`).every(isStill)) await pause(5);
  }

  thaw(): void {
    this.child?.kill("SIGCONT");
  }
}

export interface EtcdCluster {
  readonly nodes: readonly Node[];
  readonly endpoints: readonly string[];
  /** Runs etcdctl against it; gives its output. */
  ctl(...args: string[]): Promise<string>;
  stop(): Promise<void>;
}

export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdCluster> {
  const { nodes: count = 1, arguments: more = [], scheme = "http" } = options;
  const folder = await mkdtemp(join(tmpdir(), "headroom-etcd-"));
  const ports = await freePorts(2 * count);
  const peers = ports.slice(count).map((port, i) => `e${i}=http://127.0.0.1:${port}`);
  const nodes = ports.slice(0, count).map((port, i) => {
    const client = `${scheme}://127.0.0.1:${port}`;
    const peer = peers[i]!.slice(peers[i]!.indexOf("=") + 1);
    const where = ["--name", `e${i}`, "--data-dir", join(folder, `e${i}`), "--log-level", "fatal", "--logger", "zap"];
    const client_ = ["--listen-client-urls", client, "--advertise-client-urls", client];
    const peer_ = ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer];
    return new Node(port, client, [...where, ...client_, ...peer_, "--initial-cluster", peers.join(","), ...more]);
  });
  for (const node of nodes) node.start();
  const endpoints = nodes.map(({ endpoint }) => endpoint);
  const cluster: EtcdCluster = {
    nodes,
    endpoints,
    ctl: (...args) => runCtl(["--endpoints", endpoints.join(","), ...args]),
    async stop() {
      await Promise.all(nodes.map((node) => node.kill()));
      await rm(folder, { recursive: true, force: true });
    },
  };
  try {
    await ready(nodes);
  } catch (error) {
    await cluster.stop();
    throw error;
  }
  return cluster;
}

async function runCtl(args: readonly string[]): Promise<string> {
  const child = spawn("etcdctl", args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ETCDCTL_API: "3" },
  });
  let text = "";
  child.stdout.on("data", (chunk) => {
    text += chunk;
  });
  child.stderr.on("data", (chunk) => {
    text += chunk;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code !== 0) throw new Error(`etcdctl ${args.join(" ")}: ${text}`);
  return text;
}

/** A port that accepts connections; the store's own client waits for the rest. */
async function ready(nodes: readonly Node[]): Promise<void> {
  for (const { port } of nodes) {
    for (let attempt = 0; ; attempt++) {
      const isOpen = await new Promise<boolean>((resolve) => {
        const socket = connect(port, "127.0.0.1");
        socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
        socket.once("connect", () => socket.destroy());
      });
      if (isOpen) break;
      if (attempt > 300) throw new Error("etcd does not start");
      await pause(50);
    }
  }
}

/**
 * `open`; `cut`: nothing passes and nobody is told; `mute`: answers are lost; `held`: what is sent is kept back until the line
 * is open again; `stale`: as held for the connections that there are, open for new ones.
 */
type LineState = "open" | "cut" | "mute" | "held" | "stale";

/** A line to a server on loopback. */
export class Line {
  private state: LineState = "open";
  private readonly sockets = new Set<Socket>();
  private stale = new Set<Socket>();
  private kept: { readonly chunk: Buffer | null; readonly send: () => void }[] = [];

  private constructor(
    private readonly server: ReturnType<typeof createServer>,
    readonly endpoint: string,
  ) {}

  static async to(port: number): Promise<Line> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const line = new Line(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    server.on("connection", (near) => line.join(near, connect(port, "127.0.0.1")));
    return line;
  }

  set(state: LineState): void {
    this.state = state;
    this.stale = new Set(state === "stale" ? this.sockets : []);
    if (state !== "open") return;
    for (const { send } of this.kept.splice(0)) send();
  }

  /** How often something with this text is kept back. */
  keeps(text: string): number {
    return this.kept.filter(({ chunk }) => chunk?.includes(text)).length;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private join(near: Socket, far: Socket): void {
    for (const [from, to, isAnswer] of [
      [near, far, false],
      [far, near, true],
    ] as const) {
      this.sockets.add(from);
      from.on("error", () => to.destroy());
      from.on("data", (chunk: Buffer) => {
        const state = this.stateFor(from);
        if (state === "open" || (state === "mute" && !isAnswer)) to.write(chunk);
        else if (state === "held") this.kept.push({ chunk, send: () => to.write(chunk) });
      });
      from.on("close", () => {
        const state = this.stateFor(from);
        this.sockets.delete(from);
        if (state === "held") this.kept.push({ chunk: null, send: () => to.destroy() });
        else if (state !== "cut") to.destroy();
      });
    }
  }

  private stateFor(socket: Socket): LineState {
    if (this.state !== "stale") return this.state;
    return this.stale.has(socket) ? "held" : "open";
  }
}
