/**
 * One machine: a fake hypervisor with guests, and the real agent as a process that can be started, killed and hung. The machine
 * can lose its power, too: its guests stand still, and are there again when it is back.
 */
import { type Agent, createAgent } from "../agent/agent.js";
import type { AgentSettings } from "../agent/settings.js";
import type { HostState } from "../core/pool/model.js";
import type { PoolPolicy } from "../core/pool/policy.js";
import { FakeHypervisor } from "../drivers/fake/fake-hypervisor.js";
import type { FakeNetwork } from "../drivers/fake/migration.js";
import type { VirtualClock } from "../drivers/fake/virtual-clock.js";
import { FakeWorld } from "../drivers/fake/world.js";
import type { FakeWorldOptions } from "../drivers/fake/world-core.js";
import type { AgentClient } from "../ports/agent-client.js";
import type { Hypervisor } from "../ports/hypervisor.js";
import { type Fate, FINE, Link } from "./link.js";
import { keptImages, keptText, silentLog } from "./memory-ports.js";
import { mortalClock, mortalHypervisor, mortalImages, mortalText, Process } from "./process.js";

export interface MachineOptions {
  readonly clock: VirtualClock;
  readonly name: string;
  readonly machineId: string;
  /** Of the agent; machines of one shape may share it. */
  readonly policy: PoolPolicy;
  readonly labels?: Readonly<Record<string, string>>;
  /** Over which guests move. */
  readonly network: FakeNetwork | null;
  readonly images?: readonly string[];
  readonly world?: Pick<FakeWorldOptions, "demandOf" | "meter" | "seed">;
  /** Fresh uuids. */
  readonly newUuid?: () => string;
  /** Called when guests or the agent's state may have changed. */
  readonly changed?: (machine: Machine) => void;
  /** Makes another thing of what the agent works with: to show that somebody notices. */
  readonly breakHypervisor?: (hypervisor: Hypervisor) => Hypervisor;
  readonly breakPolicy?: (policy: PoolPolicy) => PoolPolicy;
}

export class Machine {
  readonly world: FakeWorld;
  readonly policy: PoolPolicy;
  private readonly journal;
  private readonly forecasts = keptText();
  private readonly openWindow = keptText();
  private readonly images;
  hypervisor: FakeHypervisor;
  /** Of the agent that runs, or ran last. */
  process = new Process();
  /** Null: its process is down. */
  agent: Agent | null = null;
  /** Of the next messages to it, one each; then `usualFate`. */
  readonly fates: Fate[] = [];
  usualFate: () => Fate = () => FINE;
  /** Of the agent, from its next start. */
  settings: Partial<AgentSettings> = {};
  /** Cut off: nothing arrives. */
  reachable = true;
  /** Names of guests that ran when the power failed; null: it has power. */
  private dark: readonly string[] | null = null;
  private lastState: HostState;
  private earlierPins = 0;

  constructor(private readonly options: MachineOptions) {
    const { clock, name, policy, network, images = [], changed } = options;
    this.policy = policy;
    const notify = (): void => changed?.(this);
    this.journal = keptText(notify);
    this.images = keptImages(...images);
    const { topology } = policy.settings.topology;
    this.world = new FakeWorld({ topology, clock, hostname: name, ...options.world });
    this.world.onChange(notify);
    this.hypervisor = new FakeHypervisor(this.world, "fake:///", network);
    this.lastState = policy.initial();
  }

  get name(): string {
    return this.options.name;
  }

  get machineId(): string {
    return this.options.machineId;
  }

  get labels(): Readonly<Record<string, string>> {
    return this.options.labels ?? {};
  }

  get url(): string {
    return `http://${this.name}:8099`;
  }

  get hasPower(): boolean {
    return this.dark === null;
  }

  /** The pools, as its agent has or had them. */
  get state(): HostState {
    if (this.agent !== null) this.lastState = this.agent.host();
    return this.lastState;
  }

  /** How often a vCPU was pinned anew. */
  get pinChanges(): number {
    return this.earlierPins + this.hypervisor.calls.count("pinVcpu");
  }

  /** The agent's process starts and takes its first tick. Null: it runs already, or cannot. */
  async begin(): Promise<Agent | null> {
    if (this.agent !== null || !this.hasPower) return null;
    const { clock, newUuid, breakHypervisor = (real) => real, breakPolicy = (real) => real } = this.options;
    this.earlierPins = this.pinChanges;
    this.hypervisor = this.hypervisor.another();
    const process = new Process();
    this.process = process;
    const agent = createAgent({
      policy: breakPolicy(this.policy),
      hypervisor: breakHypervisor(mortalHypervisor(process, this.hypervisor)),
      clock: mortalClock(process, clock),
      log: silentLog,
      journal: mortalText(process, this.journal),
      forecasts: mortalText(process, this.forecasts),
      openWindow: mortalText(process, this.openWindow),
      images: mortalImages(process, this.images),
      settings: { hostname: this.name, ...this.settings },
      machine: { machineId: this.machineId, labels: this.labels },
      ...(newUuid === undefined ? {} : { newUuid }),
    });
    await agent.start();
    this.agent = agent;
    return agent;
  }

  /** The agent's process is killed; its guests run on. */
  kill(): void {
    this.lastState = this.state;
    this.process.kill();
    this.hypervisor.die();
    this.agent = null;
  }

  /** Guests stand still; they are still defined. */
  losePower(): void {
    if (!this.hasPower) return;
    this.kill();
    this.dark = this.world.names().filter((name) => this.world.detail(name)?.state === "running");
    for (const name of this.dark) this.world.destroy(name);
  }

  /** The guests that ran are started again, as a host's autostart does. The agent is not. */
  regainPower(): void {
    const ran = this.dark ?? [];
    this.dark = null;
    for (const name of ran) if (this.world.has(name)) this.world.start(name);
  }

  /** Names of the domains that exist. */
  domains(): readonly string[] {
    return this.world.names();
  }

  /** Here, paused, because it comes or goes. */
  isHandingOver(name: string): boolean {
    const where = this.world.whereabouts(name, this.uuidOf(name) ?? "");
    return where === "incoming" || where === "held";
  }

  uuidOf(name: string): string | null {
    return this.world.detail(name)?.uuid ?? null;
  }

  link(): AgentClient {
    const fateOf = (): Fate => (this.reachable ? (this.fates.shift() ?? this.usualFate()) : { kind: "lost-request" });
    return new Link(this.options.clock, () => this.agent, fateOf);
  }
}
