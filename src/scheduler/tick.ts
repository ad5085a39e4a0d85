/**
 * What a leader does beside requests, at every tick: notices who is silent, polls, and works off what is unsettled or in
 * doubt. Every piece runs by itself, so a slow or dead host holds up nobody.
 */
import type { Milliseconds } from "../core/units.js";
import { OperationalError } from "../ports/errors.js";
import { moveState } from "./asking.js";
import { drainRound } from "./drain.js";
import { mourn } from "./inventory.js";
import { LeaseKeeper } from "./leases.js";
import { examine } from "./look.js";
import { giveBack } from "./move.js";
import { duePolls, pollHost, StrangerPolls } from "./poll.js";
import { expireEstimates } from "./publish.js";
import { hostsOf } from "./record-steps.js";
import type { Reign } from "./reign.js";
import { NotLeader } from "./service.js";
import { settle } from "./settle.js";

export class Rounds {
  private readonly strangers: StrangerPolls;
  private readonly leases: LeaseKeeper;
  /** Pieces of work under way, by name: none is begun twice. */
  private readonly under = new Set<string>();
  /** When each unsettled record was asked about last. */
  private readonly askedAt = new Map<string, Milliseconds>();

  constructor(private readonly reign: Reign) {
    this.strangers = new StrangerPolls(reign);
    this.leases = new LeaseKeeper(reign);
  }

  /** Begins everything that is due. Resolves when what was begun is done: nobody else needs to wait for it. */
  async round(): Promise<void> {
    for (const entry of this.reign.entries.values()) moveState(this.reign, entry);
    expireEstimates(this.reign);
    await Promise.all([
      ...this.polls(),
      ...this.settling(),
      ...this.looking(),
      ...this.draining(),
      ...this.givingBack(),
      this.begin("leases", () => this.leases.renew()),
      this.begin("prices", () => this.reign.prices.look()),
    ]);
  }

  /** Every host is asked how it is, known and merely listed ones. */
  polls(): Promise<void>[] {
    const { reign } = this;
    return [
      ...duePolls(reign).map((entry) => this.begin(`poll ${entry.id}`, () => pollHost(reign, entry))),
      ...this.strangers.due().map((url) => this.begin(`poll ${url}`, () => this.strangers.poll(url))),
    ];
  }

  /** What was left without an answer. A silent host is not pressed: its poll tells when it is back. */
  settling(): Promise<void>[] {
    const { reign } = this;
    const now = reign.now();
    const due = [...reign.unsettled].filter((name) => {
      const record = reign.vms.get(name);
      const isUp = record !== null && hostsOf(record).some((host) => reign.entries.get(host)?.state === "up");
      const askedAgo = now - (this.askedAt.get(name) ?? Number.NEGATIVE_INFINITY);
      return isUp && !reign.locks.isHeld(name) && askedAgo >= reign.settings.settleInterval;
    });
    const settled = due.map((name) => {
      this.askedAt.set(name, now);
      return this.locked(`settle ${name}`, name, async () => {
        if (await settle(reign, name)) this.askedAt.delete(name);
      });
    });
    const mourned = [...reign.bereaved].map((name) =>
      this.locked(`mourn ${name}`, name, async () => {
        await mourn(reign, name);
      }),
    );
    return [...settled, ...mourned];
  }

  looking(): Promise<void>[] {
    const { reign } = this;
    return [...reign.doubts.values()]
      .filter(({ name, host }) => reign.entries.get(host)?.state !== "down" && !reign.locks.isHeld(name))
      .map((doubt) =>
        this.locked(`look ${doubt.name} ${doubt.host}`, doubt.name, async () => {
          await examine(reign, doubt);
        }),
      );
  }

  /** A host that is silent cannot hand anything over. */
  draining(): Promise<void>[] {
    const { reign } = this;
    return [...reign.entries.values()]
      .filter(({ record, state }) => record.draining && state === "up")
      .map((entry) => this.begin(`drain ${entry.id}`, () => drainRound(reign, entry)));
  }

  givingBack(): Promise<void>[] {
    const { reign } = this;
    return [...reign.owed]
      .filter(({ target }) => reign.entries.get(target.host)?.state !== "down")
      .map((owed) =>
        this.begin(`give back ${owed.pending}`, async () => {
          if (await giveBack(reign, owed)) reign.owed.delete(owed);
        }),
      );
  }

  private locked(task: string, name: string, job: () => Promise<void>): Promise<void> {
    return this.begin(task, () => this.reign.locks.run(name, () => this.reign.working.run(job)));
  }

  /** Failures of the world are tried again at a later tick. */
  private async begin(task: string, job: () => Promise<void>): Promise<void> {
    if (this.under.has(task) || this.reign.over) return;
    this.under.add(task);
    try {
      await job();
    } catch (error) {
      if (error instanceof NotLeader) return;
      if (!(error instanceof OperationalError)) {
        this.reign.ports.log.error({ err: error, task }, "a piece of the scheduler's work failed on a bug");
        return;
      }
      this.reign.ports.log.warn({ err: error, task }, "could not be done now; a later tick tries again");
    } finally {
      this.under.delete(task);
    }
  }
}
