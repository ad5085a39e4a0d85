/**
 * Requests per CPU second of the server, over real loopback HTTP with kept connections, beside bare node:http answering a
 * body like that of `/status` in the same run. Only the server's process is counted; the client here has its own.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { fileURLToPath } from "node:url";
import { Pool } from "undici";
import { printTable } from "./table.js";

const CPU_SECONDS_EACH = 1;
const CONNECTIONS = 16;
const IMAGE = "/var/lib/images/debian.qcow2";

class ServerProcess {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    private readonly reader: Interface,
    readonly pool: Pool,
  ) {}

  static async start(kind: "bare" | "headroom"): Promise<ServerProcess> {
    const file = fileURLToPath(new URL("http-server.ts", import.meta.url));
    const child = spawn(process.execPath, ["--import", "tsx", file, kind], { stdio: ["pipe", "pipe", "inherit"] });
    const reader = createInterface({ input: child.stdout! });
    const lines = reader[Symbol.asyncIterator]();
    const port = Number((await lines.next()).value);
    return new ServerProcess(child, lines, reader, new Pool(`http://127.0.0.1:${port}`, { connections: CONNECTIONS }));
  }

  cpuSeconds = (): Promise<number> => this.ask("");
  /** Deploy + remove per CPU second without HTTP. */
  pairsWithoutHttp = (): Promise<number> => this.ask("pairs");

  private async ask(line: string): Promise<number> {
    this.child.stdin!.write(`${line}\n`);
    return Number((await this.lines.next()).value);
  }

  async stop(): Promise<void> {
    await this.pool.destroy();
    this.reader.close();
    this.child.kill();
  }
}

type Ask = (server: ServerProcess, connection: number, round: number) => Promise<void>;

async function get(server: ServerProcess, path: string): Promise<void> {
  const { statusCode, body } = await server.pool.request({ method: "GET", path });
  const text = await body.text();
  if (statusCode !== 200 || text.includes('"success":false')) throw new Error(`${path}: ${statusCode} ${text}`);
}

/** Rounds per CPU second of the server; a round is what `ask` does. The first ones warm up and do not count. */
async function roundsPerCpuSecond(server: ServerProcess, ask: Ask): Promise<number> {
  const run = async (rounds: number): Promise<void> => {
    const connections = Array.from({ length: CONNECTIONS }, async (_, connection) => {
      for (let round = 0; round < rounds; round++) await ask(server, connection, round);
    });
    await Promise.all(connections);
  };
  await run(100);
  const began = await server.cpuSeconds();
  let [rounds, used] = [0, 0];
  while (used < CPU_SECONDS_EACH) {
    await run(50);
    rounds += 50 * CONNECTIONS;
    used = (await server.cpuSeconds()) - began;
  }
  return rounds / used;
}

const bare = await ServerProcess.start("bare");
const baseline = await roundsPerCpuSecond(bare, (server) => get(server, "/status"));
await bare.stop();

const headroom = await ServerProcess.start("headroom");
const deployAndRemove: Ask = async (server, connection) => {
  const name = `bench-${connection}`;
  await get(server, `/deploy?name=${name}&cpu=1&mem=1&oc=2&qcow2=${IMAGE}`);
  await get(server, `/remove?name=${name}`);
};
const figures: readonly (readonly [what: string, rate: number])[] = [
  ["bare node:http, a fixed body", baseline],
  ["GET /healthz", await roundsPerCpuSecond(headroom, (server) => get(server, "/healthz"))],
  ["GET /status, 60 VMs", await roundsPerCpuSecond(headroom, (server) => get(server, "/status"))],
  ["GET /v1/pools, 60 VMs", await roundsPerCpuSecond(headroom, (server) => get(server, "/v1/pools"))],
  ["GET /v1/vms, 60 VMs (30 kB)", await roundsPerCpuSecond(headroom, (server) => get(server, "/v1/vms"))],
  ["GET /deploy + /remove (pairs)", await roundsPerCpuSecond(headroom, deployAndRemove)],
  ["the same pairs without HTTP", await headroom.pairsWithoutHttp()],
];
await headroom.stop();
printTable(
  ["requests per CPU second of the server", "rate", "of bare"],
  figures.map(([what, rate]) => [
    what,
    Math.round(rate).toLocaleString("en"),
    `${Math.round((100 * rate) / baseline)} %`,
  ]),
);
