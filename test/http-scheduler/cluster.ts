/** A cluster for HTTP conversations: real schedulers over the embedded store in a temporary folder, real agents on loopback. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Dispatcher } from "undici";
import type { DynamicSettings } from "../../src/core/dynamic/model.js";
import { type EstimateMode, registryFor, weightsFor } from "../../src/core/placement/estimate-mode.js";
import { milliseconds } from "../../src/core/units.js";
import { FakeNetwork } from "../../src/drivers/fake/migration.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { openEmbeddedStore } from "../../src/drivers/stores/embedded/store.js";
import { agentClients } from "../../src/http/agent-client/client.js";
import { agentConnections } from "../../src/http/agent-client/pool.js";
import type { App } from "../../src/http/app-type.js";
import type { TokenTable } from "../../src/http/auth.js";
import { type Listening, listen } from "../../src/http/server.js";
import type { ClusterStore } from "../../src/ports/cluster-store.js";
import { createScheduler, type Scheduler } from "../../src/scheduler/scheduler.js";
import { LogBook } from "../http/support.js";
import { TestHost } from "./host.js";
import { schedulerApp } from "./scheduler-double.js";

const clock = realClock();

/** So that silence is noticed within a test, and a busy machine is not taken for it. */
const QUICK = {
  heartbeatInterval: milliseconds(200),
  suspectAfter: milliseconds(2_500),
  downAfter: milliseconds(5_000),
  tickInterval: milliseconds(25),
  takeoverPatience: milliseconds(1_000),
  settlePatience: milliseconds(5_000),
  settleInterval: milliseconds(50),
};

export interface ClusterOptions {
  readonly hosts: number;
  /** Hosts can hand their VMs to one another. */
  readonly migration?: boolean;
  /** Of schedulers and agents alike. */
  readonly tokens?: TokenTable;
  readonly token?: string;
  /** Of the agents; absent: pools are what their ratios make them. */
  readonly dynamic?: DynamicSettings;
  /** How far placement follows estimates. */
  readonly estimates?: EstimateMode;
  /** Folder of the built dashboard, for those who look at it. */
  readonly dashboard?: string;
}

export class TestCluster {
  readonly hosts: readonly TestHost[];
  private readonly folder = mkdtempSync(join(tmpdir(), "headroom-cluster-"));
  private dispatcher: Dispatcher = agentConnections({ connectMs: 300 });
  private store: ClusterStore | null = null;
  private running: Scheduler | null = null;
  private listening: Listening | null = null;
  private served: { readonly app: App; readonly log: LogBook } | null = null;
  private readonly stop = new AbortController();
  private port = 0;

  constructor(private readonly options: ClusterOptions) {
    const { tokens = null, migration = false, dynamic = null } = options;
    const network = migration ? new FakeNetwork() : null;
    this.hosts = Array.from(
      { length: options.hosts },
      (_, i) => new TestHost(`host-${i}`, tokens, network, { dynamic }),
    );
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get scheduler(): Scheduler {
    if (this.running === null) throw new Error("the scheduler is not started");
    return this.running;
  }

  get app(): App {
    if (this.served === null) throw new Error("the scheduler is not started");
    return this.served.app;
  }

  get log(): LogBook {
    if (this.served === null) throw new Error("the scheduler is not started");
    return this.served.log;
  }

  async start(): Promise<this> {
    for (const host of this.hosts) await host.start();
    await this.startScheduler();
    await this.until(() => this.scheduler.hosts().filter(({ state }) => state === "up").length === this.hosts.length);
    return this;
  }

  /** Over the same store, at the same port; ready. */
  async startScheduler(): Promise<void> {
    const { tokens = null, token = null, dashboard = null, estimates = "off" } = this.options;
    const log = new LogBook();
    this.dispatcher = agentConnections({ connectMs: 300 });
    this.store = await openEmbeddedStore({ folder: this.folder, clock, log });
    this.running = createScheduler({
      store: this.store,
      clients: agentClients({ token, dispatcher: this.dispatcher, changeMs: 15_000, questionMs: 3_000 }),
      clock,
      log,
      address: this.url,
      placement: { weights: weightsFor(estimates, "headroom"), registry: registryFor(estimates) },
      settings: { ...QUICK, estimates, listedUrls: this.hosts.map((host) => host.url) },
    });
    this.served = schedulerApp(this.running, { tokens, clusterToken: token, dashboard });
    this.listening = await listen(this.app, { host: "127.0.0.1", port: this.port });
    this.port = this.listening.port;
    void this.running.run(this.stop.signal);
    await this.until(() => this.scheduler.leadership().role === "leader");
  }

  async stopScheduler(): Promise<void> {
    await this.listening?.close();
    await this.running?.stop();
    await this.store?.close();
    await this.dispatcher.close();
    this.listening = null;
    this.running = null;
  }

  async end(): Promise<void> {
    await this.stopScheduler();
    this.stop.abort();
    await Promise.all(this.hosts.map((host) => host.kill()));
    rmSync(this.folder, { recursive: true });
  }

  /** Where VMs really are: host by name, of every agent that runs. A VM on two hosts is an error. */
  placed(): ReadonlyMap<string, string> {
    const found = new Map<string, string>();
    for (const host of this.hosts)
      for (const name of host.names()) {
        if (found.has(name)) throw new Error(`${name} is on ${found.get(name)} and on ${host.name}`);
        found.set(name, host.name);
      }
    return found;
  }

  async until(holds: () => boolean): Promise<void> {
    const deadline = performance.now() + 30_000;
    while (!holds()) {
      if (performance.now() > deadline) throw new Error(`waited too long for ${holds}`);
      await clock.sleep(milliseconds(10));
    }
  }

  async get<T>(path: string): Promise<T> {
    const response = await fetch(this.url + path);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as T;
  }

  async post(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
    const withBody = body === undefined ? {} : { body: JSON.stringify(body) };
    const type: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    return fetch(this.url + path, { method: "POST", headers: { ...type, ...headers }, ...withBody });
  }
}
