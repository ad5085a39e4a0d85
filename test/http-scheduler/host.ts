/** A host of a test cluster: the real agent on a fake hypervisor, listening on loopback; it can be killed and started again. */

import type { Agent } from "../../src/agent/agent.js";
import type { AgentSettings } from "../../src/agent/settings.js";
import { ratio } from "../../src/core/units.js";
import type { FakeHypervisor } from "../../src/drivers/fake/fake-hypervisor.js";
import type { FakeNetwork } from "../../src/drivers/fake/migration.js";
import { createApp } from "../../src/http/app.js";
import type { TokenTable } from "../../src/http/auth.js";
import { type Listening, listen } from "../../src/http/server.js";
import type { DurableText } from "../../src/ports/host.js";
import { memoryText, startAgent } from "../http/real-agent.js";
import { IMAGES, LogBook, realClock } from "../http/support.js";

export class TestHost {
  private listening: Listening | null = null;
  private running: Agent | null = null;
  private hypervisor: FakeHypervisor | null = null;
  private readonly journal: DurableText = memoryText();
  private port = 0;
  readonly log = new LogBook();

  constructor(
    readonly name: string,
    private readonly tokens: TokenTable | null = null,
    private readonly network: FakeNetwork | null = null,
    private readonly settings: Partial<AgentSettings> = {},
  ) {}

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get agent(): Agent {
    if (this.running === null) throw new Error(`${this.name} is not started`);
    return this.running;
  }

  names(): readonly string[] {
    return this.agent.vms().map((vm) => vm.name);
  }

  /** The same port as before, the same guests, the same journal. */
  async start(): Promise<this> {
    const { agent, hypervisor } = await startAgent({
      hostname: this.name,
      journal: this.journal,
      settings: this.settings,
      ...(this.network === null ? {} : { network: this.network }),
      ...(this.hypervisor === null ? {} : { hypervisor: this.hypervisor }),
    });
    const app = createApp({
      agent,
      tokens: this.tokens,
      log: this.log,
      clock: realClock,
      seedCalls: true,
      maximumRatio: ratio(16),
      imageFolders: [IMAGES],
      version: "test",
    });
    this.listening = await listen(app, { host: "127.0.0.1", port: this.port });
    this.port = this.listening.port;
    this.running = agent;
    this.hypervisor = hypervisor;
    return this;
  }

  /** Ends agent and connections at once; the guests go on. */
  async kill(): Promise<void> {
    const { listening, running } = this;
    this.listening = null;
    this.running = null;
    await Promise.all([listening?.close(), running?.stop()]);
  }
}
