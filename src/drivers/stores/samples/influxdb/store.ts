/** History in InfluxDB, in the seed's schema: what the seed's collectors wrote is read as well. Retention is the bucket's. */
import type { Clock } from "../../../../ports/clock.js";
import type { Log } from "../../../../ports/log.js";
import type { SampleStore } from "../../../../ports/sample-store.js";
import { RemoteStore, type Server } from "../remote/store.js";
import { fluxDialect } from "./flux.js";
import { influxQlDialect } from "./influxql.js";

export const DIALECTS = ["flux", "influxql"] as const;

export interface InfluxSettings {
  readonly url: string;
  readonly token: string | null;
  readonly org: string;
  /** The database, for InfluxQL. */
  readonly bucket: string;
  readonly dialect: (typeof DIALECTS)[number];
  readonly clock: Clock;
  readonly log: Log;
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 30_000;

export function influxSamples(settings: InfluxSettings): SampleStore {
  const { token, org, bucket, clock, log, deadlineMs = DEADLINE_MS } = settings;
  const url = settings.url.replace(/\/+$/, "");
  const address = { url, token, org, bucket, deadlineMs };
  const dialect = settings.dialect === "flux" ? fluxDialect(address) : influxQlDialect(address);
  const server: Server = {
    kind: "influxdb",
    name: "InfluxDB",
    url,
    write: (samples) => dialect.write(samples),
    spans: (range, host) => dialect.spans(range, host),
    hosts: (range) => dialect.hosts(range),
    async fill(assembly, wanted, piece) {
      for await (const { host, vm, at, values } of dialect.values(wanted, piece))
        for (const [name, value] of Object.entries(values)) assembly.add(host, vm, at, name, value);
    },
    isTooMuch: () => false,
    close: () => dialect.close(),
  };
  return new RemoteStore(server, clock, log);
}
