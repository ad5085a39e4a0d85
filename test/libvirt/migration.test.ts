/**
 * Moving a guest between two scripted daemons: which steps are made, in which order, and that the guest is left in one place
 * however a step ends. Real daemons are in test/lab and test/conformance; what is here they do not do on request.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { cpuSetOf } from "../../src/core/cpuset.js";
import { virtualClock } from "../../src/drivers/fake/virtual-clock.js";
import { libvirtHypervisor } from "../../src/drivers/libvirt/driver.js";
import { destinationOf } from "../../src/drivers/libvirt/migration-uri.js";
import { uuidBytes } from "../../src/drivers/libvirt/wire-types.js";
import { XdrWriter } from "../../src/drivers/libvirt/xdr.js";
import { OperationalError } from "../../src/ports/errors.js";
import { quietLog } from "../support/quiet-log.js";
import { type Answer, FakeDaemon, nothing, text } from "./fake-daemon.js";

const NAME = "web";
const UUID = "6695eb01-f6a4-4304-89aa-97f2502e193f";
const ADDRESS = "qemu+tcp://10.0.0.2/system";
const XML = `<domain type='qemu'><name>${NAME}</name><vcpu>2</vcpu><cputune><vcpupin vcpu='0' cpuset='0'/></cputune></domain>`;

const REFUSED = { code: 9, message: "operation failed: so it was scripted" };
const NO_DOMAIN = { code: 42, message: "Domain not found" };
const domain = () => new XdrWriter().string(NAME).fixedBytes(uuidBytes(UUID)).int(3);
const cookie = (word: string) => new XdrWriter().bytes(Buffer.from(word));

/** libvirt's numbers. */
const STATE = { running: [1, 1], paused: [3, 3], migrated: [5, 4] } as const;

class Pair {
  readonly source = new FakeDaemon();
  readonly destination = new FakeDaemon();
  readonly clock = virtualClock();
  /** Of the guest at the source; null: it is not there. */
  here: keyof typeof STATE | null = "running";
  /** Of the guest at the destination. */
  there: "absent" | "incoming" | "arrived" = "absent";
  readonly steps: string[] = [];
  readonly hypervisor = libvirtHypervisor({
    uri: "qemu:///system",
    log: quietLog(),
    clock: this.clock,
    open: (uri, signal) => (uri.way.kind === "unix" ? this.source : this.destination).open(uri, signal),
  });

  constructor() {
    const found = (): Answer => (this.here === null ? NO_DOMAIN : domain());
    this.source
      .on("domainLookupByName", found)
      .on("domainGetXmlDesc", () => text(XML))
      .on("domainGetState", () => {
        const [state, reason] = STATE[this.here ?? "running"];
        return new XdrWriter().int(state).int(reason);
      })
      .on("domainAbortJob", () => ({ code: 55, message: "no job is active on the domain" }))
      .on("domainResume", () => this.did("resume", () => (this.here = "running")))
      .on("domainDestroy", () => this.did("destroy", () => undefined))
      .on("domainUndefineFlags", () => this.did("undefine", () => (this.here = null)))
      .on("domainMigrateBegin3Params", () => this.step("begin", cookie("begun").string(XML)))
      .on("domainMigratePerform3Params", () => {
        this.here = "paused";
        return this.step("perform", cookie("performed"));
      })
      .on("domainMigrateConfirm3Params", (reader) => {
        // The last word of the message: cancelled or not.
        reader.fixedBytes(reader.left - 4);
        const kept = reader.int() === 1;
        this.here = kept ? "running" : null;
        return this.step(kept ? "confirm: stays" : "confirm: gone", nothing());
      });
    this.destination
      .on("domainLookupByUuid", () => (this.there === "absent" ? NO_DOMAIN : domain()))
      .on("domainIsPersistent", () => new XdrWriter().int(Number(this.there === "arrived")))
      .on("domainMigratePrepare3Params", () => {
        this.there = "incoming";
        return this.step("prepare", cookie("prepared").optionalString("tcp://10.0.0.2:49152"));
      })
      .on("domainMigrateFinish3Params", (reader) => {
        reader.fixedBytes(reader.left - 4);
        const cancelled = reader.int() === 1;
        this.there = cancelled ? "absent" : "arrived";
        return this.step(cancelled ? "finish: cancelled" : "finish", cancelled ? REFUSED : this.finished());
      });
  }

  finished(): XdrWriter {
    return domain().bytes(Buffer.from("finished"));
  }

  async migrate(): Promise<OperationalError | null> {
    await this.hypervisor.connect();
    const target = { address: ADDRESS, pins: [cpuSetOf([4]), cpuSetOf([5])] };
    const never = new AbortController().signal;
    return this.failureOf(this.hypervisor.migrate(NAME, UUID, target, never));
  }

  async settle(): Promise<string> {
    await this.hypervisor.connect();
    let where = "";
    const failure = await this.failureOf(
      this.hypervisor.settleMigration(NAME, UUID, ADDRESS).then((answer) => {
        where = answer;
      }),
    );
    return failure === null ? where : failure.code;
  }

  private async failureOf(work: Promise<void>): Promise<OperationalError | null> {
    try {
      await this.clock.runUntil(work);
      return null;
    } catch (error) {
      assert.ok(error instanceof OperationalError, String(error));
      return error;
    }
  }

  private step(name: string, answer: Answer): Answer {
    this.steps.push(name);
    return answer;
  }

  private did(name: string, change: () => unknown): Answer {
    change();
    return this.step(name, nothing());
  }
}

describe("a move", () => {
  test("makes libvirt's five steps in turn, with the new pins in both definitions", async () => {
    const pair = new Pair();
    let told = "";
    pair.source.on("domainMigrateBegin3Params", (reader) => {
      told = reader.fixedBytes(reader.left).toString("utf8");
      pair.steps.push("begin");
      return cookie("begun").string(XML);
    });
    assert.equal(await pair.migrate(), null);
    assert.deepEqual(pair.steps, ["begin", "prepare", "perform", "finish", "confirm: gone"]);
    for (const text of ["destination_xml", "persistent_xml", "tcp://10.0.0.2", 'cpuset="4"', 'cpuset="5"'])
      assert.ok(told.includes(text), `begin is told ${text}`);
    assert.deepEqual([pair.here, pair.there], [null, "arrived"]);
  });

  test("that the destination refuses, or whose transfer fails, leaves the guest running at the source", async () => {
    const unprepared = new Pair();
    unprepared.destination.on("domainMigratePrepare3Params", () => REFUSED);
    assert.match((await unprepared.migrate())!.message, /so it was scripted/);
    assert.deepEqual(unprepared.steps, ["begin", "confirm: stays"]);
    const broken = new Pair();
    broken.source.on("domainMigratePerform3Params", () => REFUSED);
    assert.match((await broken.migrate())!.message, /so it was scripted/);
    assert.deepEqual(broken.steps, ["begin", "prepare", "finish: cancelled", "confirm: stays"]);
    for (const pair of [unprepared, broken]) assert.equal(pair.here, "running");
  });

  test("whose last step is refused is taken back only where the destination has no such guest", async () => {
    const absent = new Pair();
    absent.destination.on("domainMigrateFinish3Params", () => {
      absent.there = "absent";
      return REFUSED;
    });
    assert.equal((await absent.migrate())?.retryable, true);
    assert.deepEqual([absent.here, absent.steps.at(-1)], ["running", "confirm: stays"]);
    const arrived = new Pair();
    arrived.destination.on("domainMigrateFinish3Params", () => {
      arrived.there = "arrived";
      return REFUSED;
    });
    assert.equal(await arrived.migrate(), null);
    assert.deepEqual([arrived.here, arrived.steps.at(-1)], [null, "confirm: gone"]);
  });

  test("whose last answer is lost leaves the guest paused at the source: nobody guesses", async () => {
    const pair = new Pair();
    pair.destination.on("domainMigrateFinish3Params", () => {
      pair.there = "arrived";
      pair.destination.hangUp();
      pair.destination.refusal = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
      return null;
    });
    assert.equal((await pair.migrate())?.retryable, true);
    assert.deepEqual([pair.here, pair.steps.at(-1)], ["paused", "perform"]);
    assert.equal(await pair.settle(), "hypervisor-unreachable");
    assert.equal(pair.here, "paused");
    pair.destination.refusal = null;
    assert.equal(await pair.settle(), "gone");
    assert.deepEqual(pair.steps.slice(-2), ["destroy", "undefine"]);
  });
});

test("a move that nobody followed to its end is settled by what the two daemons have", async () => {
  const cases = [
    { here: "running", there: "absent", where: "here", steps: [] },
    { here: "running", there: "arrived", where: "here", steps: [] },
    { here: "paused", there: "absent", where: "here", steps: ["resume"] },
    { here: "paused", there: "incoming", where: "hypervisor-failed", steps: [] },
    { here: "paused", there: "arrived", where: "gone", steps: ["destroy", "undefine"] },
    { here: "migrated", there: "arrived", where: "gone", steps: ["undefine"] },
    { here: null, there: "arrived", where: "gone", steps: [] },
    { here: null, there: "absent", where: "gone", steps: [] },
  ] as const;
  for (const { here, there, where, steps } of cases) {
    const pair = new Pair();
    pair.here = here;
    pair.there = there;
    assert.equal(await pair.settle(), where, `${here} here, ${there} there`);
    assert.deepEqual(pair.steps, steps);
  }
});

test("an address of another host is one that others reach, and names no programs or files of this one", () => {
  assert.equal(destinationOf("qemu+tls://node-7/system").dataUri, "tcp://node-7");
  assert.equal(destinationOf("qemu+tcp://[fd00::7]:1234/system").dataUri, "tcp://[fd00::7]");
  assert.equal(destinationOf("qemu+ssh://root@node-7/system").dataUri, "tcp://node-7");
  const wrong = [
    "qemu:///system",
    "qemu+unix:///system?socket=/run/other",
    "qemu+ssh://node-7/system?command=/bin/true",
    "qemu+tls://node-7/system?pkipath=/etc",
    "test+tcp://node-7/default",
    "http://node-7/system",
    "nothing",
  ];
  for (const address of wrong) {
    assert.throws(
      () => destinationOf(address),
      (error: OperationalError) => error.code === "bad-settings",
      address,
    );
  }
});
