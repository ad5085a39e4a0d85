/** The servers that keep samples, as Debian has them. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isInstalled, type RealServer, startServer } from "../support/servers.js";

const lacking = (program: string, packageName: string): string | false =>
  isInstalled(program) ? false : `${program} is not installed (${packageName})`;

/** For node:test's `skip`. */
export const skipWithoutPrometheus = lacking("prometheus", "prometheus");
export const skipWithoutVictoria = lacking("victoria-metrics", "victoria-metrics");
export const skipWithoutInflux = lacking("influxd", "influxdb");

/** Takes samples that are up to a day older than the newest, as a store of history must. */
const PROMETHEUS_CONFIG = `storage:
  tsdb:
    out_of_order_time_window: 7d
`;

export interface PrometheusOptions {
  readonly config?: string;
}

export const startPrometheus = ({ config = PROMETHEUS_CONFIG }: PrometheusOptions = {}): Promise<RealServer> =>
  startServer({
    program: "prometheus",
    ready: "/-/ready",
    async arguments([port], folder) {
      await writeFile(join(folder, "prometheus.yml"), config);
      return [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=127.0.0.1:${port}`,
        "--web.enable-remote-write-receiver",
        "--log.level=warn",
      ];
    },
  });

/** Shows samples as soon as they are flushed, and keeps one of several at the same time. */
export const startVictoria = (): Promise<RealServer> =>
  startServer({
    program: "victoria-metrics",
    ready: "/health",
    arguments: async ([port], folder) => [
      `-storageDataPath=${join(folder, "data")}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      "-search.latencyOffset=0s",
      "-search.disableCache",
      "-retentionPeriod=100y",
      "-loggerLevel=WARN",
    ],
  });

/** What was written to VictoriaMetrics becomes visible to queries. */
export async function flushVictoria(url: string): Promise<void> {
  const response = await fetch(`${url}/internal/force_flush`);
  await response.arrayBuffer();
}

const influxConfig = (folder: string, http: number, rpc: number): string => `reporting-disabled = true
bind-address = "127.0.0.1:${rpc}"
[meta]
  dir = "${join(folder, "meta")}"
[data]
  dir = "${join(folder, "data")}"
  wal-dir = "${join(folder, "wal")}"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = "127.0.0.1:${http}"
  log-enabled = false
[logging]
  level = "error"
`;

/** InfluxDB 1.x, with the database "samples". */
export async function startInflux(): Promise<RealServer> {
  const server = await startServer({
    program: "influxd",
    ready: "/ping",
    ports: 2,
    async arguments([http = 0, rpc = 0], folder) {
      await mkdir(join(folder, "meta"));
      await writeFile(join(folder, "influxdb.conf"), influxConfig(folder, http, rpc));
      return ["-config", join(folder, "influxdb.conf")];
    },
  });
  await newDatabase(server.url, "samples");
  return server;
}

export async function newDatabase(url: string, name: string): Promise<void> {
  const response = await fetch(`${url}/query`, {
    method: "POST",
    body: new URLSearchParams({ q: `CREATE DATABASE "${name}"` }),
  });
  if (!response.ok) throw new Error(await response.text());
  await response.arrayBuffer();
}
