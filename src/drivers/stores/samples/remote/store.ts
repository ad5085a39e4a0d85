/** A sample store on a server: what waits to be sent, and what is asked in pieces, is alike for all of them; what one says, and how it answers, its `Server` knows. */
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
import { Outbox } from "./outbox.js";
import { bounded, type Piece } from "./pieces.js";
import { HOSTS_TOGETHER, RemoteReader, type RemoteSource } from "./reader.js";

/** Ranges that it is given are bounded and not empty. */
export interface Server extends Omit<RemoteSource, "clock" | "spans"> {
  readonly kind: SampleStoreStatus["kind"];
  /** For people. */
  readonly name: string;
  readonly url: string;
  write(samples: readonly Sample[]): Promise<void>;
  /** Of one host, or of all; in any order. */
  spans(range: Piece, host: string | null): Promise<readonly SourceSpan[]>;
  /** Those with samples of their own. */
  hosts(range: Piece): Promise<readonly string[]>;
  close(): Promise<void>;
}

export class RemoteStore implements SampleStore {
  readonly hostsTogether = HOSTS_TOGETHER;
  private readonly outbox: Outbox;
  private readonly reader: RemoteReader;
  private isClosed = false;

  constructor(
    private readonly server: Server,
    private readonly clock: Clock,
    log: Log,
  ) {
    this.outbox = new Outbox(`${server.name} at ${server.url}`, log, (samples) => server.write(samples));
    this.reader = new RemoteReader({
      clock,
      spans: (range, host) => this.spans(range, host),
      fill: (assembly, wanted, piece) => server.fill(assembly, wanted, piece),
      isTooMuch: (error) => server.isTooMuch(error),
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
    return this.spans(bounded(range, this.clock), range.host ?? null);
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
    const { from, to } = bounded(range, this.clock);
    return from < to ? this.server.hosts({ from, to }) : [];
  }

  status(): SampleStoreStatus {
    const { kind, url } = this.server;
    const { unflushed } = this.outbox;
    const problem = this.isClosed ? "it is closed" : this.outbox.problem;
    return { kind, where: url, reachable: problem === null, problem, unflushed };
  }

  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    try {
      await this.outbox.close();
    } finally {
      await this.server.close();
    }
  }

  private async spans(range: Piece, host: string | null): Promise<readonly SourceSpan[]> {
    if (range.from >= range.to) return [];
    return [...(await this.server.spans(range, host))].sort(compareSources);
  }
}
