/** Real servers for tests: programs of Debian packages on free ports of loopback, with data in temporary folders, ended by their own process numbers. */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

export function isInstalled(program: string): boolean {
  return (process.env.PATH ?? "").split(":").some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch (error) {
      if (error instanceof Error && "code" in error) return false;
      throw error;
    }
  });
}

export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once("listening", resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export interface RealServer {
  readonly url: string;
  readonly folder: string;
  stop(): Promise<void>;
}

export interface ServerProgram {
  readonly program: string;
  /** Path that answers 2xx when it is ready. */
  readonly ready: string;
  /** How many ports it wants; the first is the one that is asked. */
  readonly ports?: number;
  /** Beside the tests' own. */
  environment?(folder: string): Readonly<Record<string, string>>;
  /** Its arguments; may write files into the folder first. */
  arguments(ports: readonly number[], folder: string): Promise<readonly string[]>;
}

const PATIENCE_MS = 60_000;

export async function startServer({
  program,
  ready,
  ports = 1,
  environment = () => ({}),
  arguments: args,
}: ServerProgram): Promise<RealServer> {
  const folder = await mkdtemp(join(tmpdir(), `headroom-${program}-`));
  const numbers = await freePorts(ports);
  const child = spawn(program, await args(numbers, folder), {
    stdio: ["ignore", "ignore", "pipe"],
    cwd: folder,
    env: { ...process.env, ...environment(folder) },
  });
  let said = "";
  child.stderr.on("data", (chunk) => {
    said = `${said}${chunk}`.slice(-2_000);
  });
  const url = `http://127.0.0.1:${numbers[0]}`;
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await isReady(child, `${url}${ready}`, () => said);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, folder, stop };
}

async function isReady(child: ChildProcess, url: string, said: () => string): Promise<void> {
  for (const until = performance.now() + PATIENCE_MS; performance.now() < until; await pause(50)) {
    if (child.exitCode !== null) break;
    const response = await fetch(url).catch(() => null);
    await response?.arrayBuffer();
    if (response?.ok) return;
  }
  throw new Error(`${child.spawnfile} does not start: ${said()}`);
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGKILL");
  await ended;
}
