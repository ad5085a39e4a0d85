/** History in InfluxDB, in the seed's schema: what the seed's collectors wrote is read as well. Retention is the bucket's. */
import { compareSources } from "../../../../core/telemetry/sample-order.js";
import type { Clock } from "../../../../ports/clock.js";
import type { Log } from "../../../../ports/log.js";
import type {
  HostsQuery,
  Sample,
  SampleQuery,
  SampleStore,
  SampleStoreStatus,
  SourceSpan,
} from "../../../../ports/sample-store.js";
import { Outbox } from "../remote/outbox.js";
import { bounded, type Piece } from "../remote/pieces.js";
import { HOSTS_TOGETHER, RemoteReader } from "../remote/reader.js";
import type { Dialect } from "./dialect.js";
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
  const { dialect, token, org, bucket, deadlineMs = DEADLINE_MS } = settings;
  const address = { url: settings.url.replace(/\/+$/, ""), token, org, bucket, deadlineMs };
  return new InfluxStore(settings, address.url, dialect === "flux" ? fluxDialect(address) : influxQlDialect(address));
}

class InfluxStore implements SampleStore {
  readonly hostsTogether = HOSTS_TOGETHER;
  private readonly outbox: Outbox;
  private readonly reader: RemoteReader;
  private isClosed = false;

  constructor(
    private readonly settings: InfluxSettings,
    private readonly url: string,
    private readonly dialect: Dialect,
  ) {
    this.outbox = new Outbox(`InfluxDB at ${url}`, settings.log, (samples) => dialect.write(samples));
    this.reader = new RemoteReader({
      clock: settings.clock,
      spans: (range, host) => this.spans(range, host),
      async fill(assembly, wanted, piece) {
        for await (const { host, vm, at, values } of dialect.values(wanted, piece))
          for (const [name, value] of Object.entries(values)) assembly.add(host, vm, at, name, value);
      },
      isTooMuch: () => false,
    });
  }

  write(samples: readonly Sample[]): Promise<void> {
    return this.outbox.write(samples);
  }

  flush(): Promise<void> {
    return this.outbox.flush();
  }

  async sources(range: Parameters<SampleStore["sources"]>[0]): Promise<readonly SourceSpan[]> {
    this.outbox.mustBeOpen();
    return this.spans(bounded(range, this.settings.clock), range.host ?? null);
  }

  async *read({ host, of, metrics, ...range }: SampleQuery): AsyncIterable<Sample> {
    this.outbox.mustBeOpen();
    yield* this.reader.read({ hosts: [host], of, metrics }, range);
  }

  async *readHosts({ hosts, metrics, ...range }: HostsQuery): AsyncIterable<Sample> {
    this.outbox.mustBeOpen();
    yield* this.reader.read({ hosts, of: "all", metrics }, range);
  }

  async hosts(range: Piece): Promise<readonly string[]> {
    this.outbox.mustBeOpen();
    const { from, to } = bounded(range, this.settings.clock);
    return from < to ? this.dialect.hosts({ from, to }) : [];
  }

  status(): SampleStoreStatus {
    const { unflushed } = this.outbox;
    const problem = this.isClosed ? "it is closed" : this.outbox.problem;
    return { kind: "influxdb", where: this.url, reachable: problem === null, problem, unflushed };
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    try {
      await this.outbox.close();
    } finally {
      await this.dialect.close();
    }
  }

  private async spans(range: Piece, host: string | null): Promise<readonly SourceSpan[]> {
    if (range.from >= range.to) return [];
    return [...(await this.dialect.spans(range, host))].sort(compareSources);
  }
}
