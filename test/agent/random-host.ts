/**
 * A host on which anything happens: requests, guests and people at work behind the agent's back, a hypervisor that fails,
 * loses answers and goes away, an agent that is killed. Keeps its own simple account of which VMs must be there.
 */
import assert from "node:assert/strict";
import { createAgent } from "../../src/agent/agent.js";
import type { DeployRequest, ResizeRequest, VmView } from "../../src/agent/service.js";
import { cpuSetOf } from "../../src/core/cpuset.js";
import type { DynamicSettings } from "../../src/core/dynamic/model.js";
import type { PolicyName } from "../../src/core/pool/policy.js";
import type { Result } from "../../src/core/result.js";
import { mib, milliseconds, ratio } from "../../src/core/units.js";
import type { Procedure } from "../../src/drivers/fake/faults.js";
import { OperationalError } from "../../src/ports/errors.js";
import { mortalHypervisor, mortalImages, mortalText } from "../../src/simulator/process.js";
import { Mortal } from "./crashing.js";
import { NAMES, type Request, type Step, type Trouble } from "./random-steps.js";
import { Rig, type RigOptions, silentLog } from "./support.js";

const BUSY = {
  cpu: { kind: "constant", fraction: 0.8 },
  memory: { kind: "constant", fraction: 0.5 },
} as const;
const IMAGE = "/images/debian.qcow2";
/** One host with its agent, and what must be true of it. */
export class RandomHost {
  private readonly rig: Rig;
  private mortal: Mortal;
  private requests = 0;
  /** Uuids of the domains that the world must hold, by name. */
  private readonly expected = new Map<string, string>();

  /** Overlays of VMs that vanished: the agent leaves them alone. */
  private readonly leftDisks = new Set<string>();

  /** `dynamic`: pools follow their usage, which is high all the time. */
  constructor(
    policy: PolicyName,
    private readonly dynamic: DynamicSettings | null = null,
  ) {
    const perVcpu = policy === "sweetspotvm";
    const options: RigOptions = {
      policy,
      ...(perVcpu ? { template: [1, 2, 3] } : {}),
      settings: { liveMemoryFactor: 4, liveVcpuFactor: 2, repackInterval: milliseconds(1), dynamic },
      // Some guests never give a vCPU back.
      world: {
        traitsOf: ({ name }) => ({ vcpuUnplug: name > "b" }),
        ...(dynamic === null ? {} : { demandOf: () => BUSY }),
      },
    };
    this.rig = new Rig(options);
    this.mortal = new Mortal(this.rig.hypervisor);
    this.newProcess();
  }

  async start(): Promise<void> {
    await this.rig.clock.runUntil(this.rig.agent.start());
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case "request":
        return this.request(one.request, one.trouble);
      case "tick":
        this.plan(one.trouble);
        await this.outcome(this.rig.agent.tick());
        return this.recover();
      case "restart":
        if (!one.keepsJournal) this.rig.journal.text = null;
        this.mortal.kill();
        return this.restart();
      default:
        this.behindItsBack(one);
    }
  }

  /** Two ticks later every promise holds; a third finds nothing to do. `asked`: the VM that a request was about. */
  async settle(asked: string | null = null): Promise<void> {
    const { rig } = this;
    // What is measured comes two ticks after what was changed, and what was decided of it shows in the next measure.
    if (this.dynamic !== null) for (let i = 0; i < 3; i++) await rig.tick();
    await rig.tick();
    const second = await rig.tick();
    assert.deepEqual([second.failure, second.problems], [null, []]);
    rig.check();
    this.checkVms();
    this.checkWorld(asked);
    rig.hypervisor.calls.clear();
    const { writes } = rig.journal;
    assert.equal((await rig.tick()).actions, 0, "planning again after applying gives no action");
    assert.deepEqual(rig.hypervisor.calls.changes(), []);
    assert.equal(rig.journal.writes, writes);
  }

  // Inside

  private newProcess(): void {
    const { rig } = this;
    this.mortal = new Mortal(rig.hypervisor);
    rig.agent = createAgent({
      policy: rig.policy,
      hypervisor: mortalHypervisor(this.mortal, rig.hypervisor),
      clock: rig.clock,
      log: silentLog,
      journal: mortalText(this.mortal, rig.journal),
      images: mortalImages(this.mortal, rig.images),
      settings: rig.options.settings ?? {},
    });
  }

  private async restart(): Promise<void> {
    this.rig.hypervisor = this.rig.hypervisor.another();
    this.newProcess();
    await this.rig.clock.runUntil(this.rig.agent.start());
  }

  private async recover(): Promise<void> {
    const { hypervisor } = this.rig;
    hypervisor.faults.clear();
    this.rig.journal.failures.length = 0;
    this.endDisconnecting?.();
    if (this.isDead) return this.restart();
    this.mortal.spare();
    hypervisor.reconnect();
  }

  private isDead = false;
  private endDisconnecting: (() => void) | null = null;

  /** What became of it; "died": nobody will ever know. */
  private async outcome<T>(work: Promise<T>): Promise<T | OperationalError | "died"> {
    const caught = work.catch((error: unknown) => {
      if (error instanceof OperationalError) return error;
      throw error;
    });
    const result = await this.rig.clock.runUntil(Promise.race([caught, this.mortal.died]));
    this.isDead = result === "died";
    return result;
  }

  private plan(one: Trouble): void {
    const { hypervisor, journal } = this.rig;
    if (one.kind === "refuse") hypervisor.faults.failNext(one.procedure);
    else if (one.kind === "lose") hypervisor.faults.loseAnswer(one.procedure);
    else if (one.kind === "kill") this.mortal.dieAt(one.nth, one.when);
    else if (one.kind === "disconnect") this.disconnectAt(one.procedure);
    else if (one.kind === "journal") this.failWrite(journal, one.nth);
  }

  /** The connection goes at the next call of the procedure: done, but unanswered, and nobody can be asked. */
  private disconnectAt(procedure: Procedure): void {
    const { hypervisor } = this.rig;
    hypervisor.faults.loseAnswer(procedure);
    const timer = setInterval(() => undefined, 1e6);
    const end = this.rig.world.subscribe(() => hypervisor.disconnect());
    this.endDisconnecting = () => {
      clearInterval(timer);
      end();
      this.endDisconnecting = null;
    };
  }

  private failWrite(journal: Rig["journal"], nth: number): void {
    const write = journal.write;
    let calls = 0;
    journal.write = async (text) => {
      if (++calls === nth) throw new OperationalError("state-not-written", "no space left on device", true);
      await write.call(journal, text);
    };
    this.endDisconnecting = () => {
      journal.write = write;
      this.endDisconnecting = null;
    };
  }

  private async request(one: Request, trouble: Trouble): Promise<void> {
    const name = NAMES[one.vm]!;
    const before = this.rig.agent.vm(name);
    this.plan(trouble);
    const work =
      one.kind === "deploy"
        ? this.rig.agent.deploy(this.deployRequest(name, one))
        : one.kind === "remove"
          ? this.rig.agent.remove(name)
          : this.rig.agent.resize(this.resizeRequest(name, one));
    const result = await this.outcome(work);
    await this.recover();
    await this.settle(name);
    this.account(name, one, before, result);
    if (one.kind === "deploy" && result === "died") await this.repeat(name, one);
    this.remember(name);
  }

  /** The client heard nothing, and asks again under the same id. */
  private async repeat(name: string, one: Request & { kind: "deploy" }): Promise<void> {
    const { agent } = this.rig;
    const made = agent.vm(name);
    const again = await this.rig.clock.runUntil(agent.deploy(this.deployRequest(name, one, `r${this.requests}`)));
    if (again.ok && made !== null) assert.equal(again.value.uuid, made.uuid, "a repeated request makes no second VM");
    if (again.ok) assert.equal(agent.vm(name)?.uuid, again.value.uuid);
    await this.settle(name);
  }

  private deployRequest(
    name: string,
    { size, image }: Request & { kind: "deploy" },
    requestId = `r${++this.requests}`,
  ): DeployRequest {
    const perVm = this.rig.policy.settings.template === null;
    return {
      name,
      vcpus: size.vcpus,
      memoryMiB: mib(size.memoryMiB),
      ratio: perVm ? ratio(size.ratio) : null,
      image: image ? IMAGE : null,
      requestId,
    };
  }

  private resizeRequest(name: string, { size, restart }: Request & { kind: "resize" }): ResizeRequest {
    const perVm = this.rig.policy.settings.template === null;
    return {
      name,
      restart,
      ...(size.vcpus === undefined ? {} : { vcpus: size.vcpus }),
      ...(size.memoryMiB === undefined ? {} : { memoryMiB: mib(size.memoryMiB) }),
      ...(size.ratio === undefined || !perVm ? {} : { ratio: ratio(size.ratio) }),
    };
  }

  /** The state is the one before or after the request; which, the answer says where there was one. */
  private account(
    name: string,
    one: Request,
    before: VmView | null,
    result: Result<VmView> | OperationalError | "died",
  ): void {
    const now = this.rig.agent.vm(name);
    const answered = result !== "died" && !(result instanceof OperationalError);
    const accepted = answered && result.ok;
    if (one.kind === "deploy") {
      if (accepted) assert.equal(now?.uuid, result.value.uuid, "an acknowledged VM exists");
      else if (result !== "died" || before !== null || now === null) {
        assert.equal(now?.uuid, before?.uuid, "a refused or failed deploy changes nothing");
      } else assert.equal(now.state, "running", "an interrupted deploy is done or undone");
    } else if (one.kind === "remove") {
      if (accepted) assert.equal(now, null, "a removed VM is gone");
      else if (answered) assert.equal(now?.uuid, before?.uuid, "a refused removal changes nothing");
      else if (now !== null)
        assert.deepEqual([now.uuid, now.state], [before?.uuid, before?.state], "done or not begun");
    } else {
      assert.equal(now?.uuid, before?.uuid, "a resize makes no other VM");
      const stopped = (one: VmView | null) => one?.state === "stopped";
      assert.equal(stopped(now), stopped(before), "a resize starts and stops nothing for good");
      if (accepted) assert.deepEqual(shape(now), shape(result.value), "an acknowledged resize stands");
      else if (answered) assert.deepEqual(shape(now), shape(before), "a refused resize changes nothing");
      else if (now !== null && !this.hasSize(now, one)) assert.deepEqual(shape(now), shape(before), "before or after");
    }
  }

  private hasSize(now: VmView, { size }: Request & { kind: "resize" }): boolean {
    return (
      now.vcpus === (size.vcpus ?? now.vcpus) &&
      now.memoryMiB === (size.memoryMiB ?? now.memoryMiB) &&
      (now.ratio === null || now.ratio === (size.ratio ?? now.ratio))
    );
  }

  private remember(name: string): void {
    const uuid = this.rig.world.detail(name)?.uuid;
    if (uuid === undefined) this.expected.delete(name);
    else this.expected.set(name, uuid);
  }

  private behindItsBack(one: Exclude<Step, { kind: "request" | "tick" | "restart" }>): void {
    const { world } = this.rig;
    const name = NAMES[one.vm]!;
    const detail = world.detail(name);
    if (one.kind === "foreign") {
      if (detail === null) world.createForeign({ name, vcpus: one.vcpus, memoryMiB: 2_048, running: one.running });
    } else if (detail !== null) {
      const runs = detail.state === "running" || detail.state === "paused";
      if (one.kind === "start" && !runs) world.start(name);
      else if (one.kind === "vanish") {
        if (detail.metadata?.overlay) this.leftDisks.add(detail.metadata.overlay);
        world.destroy(name);
        world.undefine(name);
      } else if (runs && one.kind === "pin" && one.vcpu < detail.vcpus) {
        world.pinByHand(name, one.vcpu, cpuSetOf(one.pcpus));
      } else if (runs && one.kind === "stop") world.stopFromInside(name);
      else if (runs && one.kind === "crash") world.crash(name);
      else if (runs && one.kind === "pause") world.pause(name);
      else if (runs && one.kind === "resume") world.pause(name, false);
    }
    this.remember(name);
  }

  /** No domain is lost, doubled or replaced but by the request about it. */
  private checkWorld(asked: string | null): void {
    const { world } = this.rig;
    const here = world.names().map((name) => [name, world.detail(name)!.uuid] as const);
    const others = (list: Iterable<readonly [string, string]>) => [...list].filter(([name]) => name !== asked).sort();
    assert.deepEqual(others(here), others(this.expected));
  }

  private checkVms(): void {
    const { agent, world, images } = this.rig;
    const shown = new Map(agent.vms().map((one) => [one.name, one]));
    for (const name of world.names()) {
      const detail = world.detail(name)!;
      const runs = detail.state === "running" || detail.state === "paused";
      const one = shown.get(name);
      assert.ok(one !== undefined || (!runs && detail.metadata === null), `the agent knows the domain ${name}`);
      if (one === undefined) continue;
      assert.equal(one.uuid, detail.uuid);
      assert.equal(one.state, one.state === "unplaced" && runs ? "unplaced" : runs ? detail.state : "stopped");
      if (runs) assert.equal(one.vcpus, detail.vcpus, `${name} has the vCPUs that the agent shows`);
      if (detail.metadata?.overlay)
        assert.ok(images.overlays.has(detail.metadata.overlay), `the disk of ${name} is there`);
      shown.delete(name);
    }
    assert.deepEqual([...shown.keys()], [], "every VM that the agent shows exists");
    const used = new Set(world.names().map((name) => world.detail(name)!.metadata?.overlay));
    const orphans = [...images.overlays].filter((path) => !used.has(path) && !this.leftDisks.has(path));
    assert.deepEqual(orphans, [], "no disk is left behind");
    assert.equal(agent.status().problems.length, 0);
  }
}

const shape = (one: VmView | null): unknown => one && [one.uuid, one.vcpus, one.memoryMiB, one.ratio, one.vcpuRatios];
