import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Course,
  type CourseRules,
  DEFAULT_COURSE_RULES,
  firstCourse,
  mayFollow,
  nextLeg,
} from "../../src/agent/cluster/course.js";
import { keepInCluster } from "../../src/agent/cluster/heartbeat.js";
import { milliseconds } from "../../src/core/units.js";
import { reportTag } from "../../src/ports/agent-client.js";
import type { Heartbeat, Registration, SchedulerClients, SchedulerOutcome } from "../../src/ports/scheduler-client.js";
import fc from "../support/property.js";
import { Rig, silentLog } from "./support.js";

const A = "http://a:8100";
const B = "http://b:8100";
const C = "http://c:8100";

const rules = (more: Partial<CourseRules> = {}): CourseRules => ({
  ...DEFAULT_COURSE_RULES,
  urls: [A, B, C],
  secret: false,
  ...more,
});

/** A scheduler that knows hosts by their tags. */
class SmallScheduler {
  readonly registrations: Registration[] = [];
  readonly beats: Heartbeat[] = [];
  readonly tags = new Map<string, string>();
  state: SchedulerOutcome | "leads" = "leads";

  register(registration: Registration): SchedulerOutcome {
    if (this.state !== "leads") return this.state;
    this.registrations.push(registration);
    this.tags.set(registration.report.status.host, reportTag(registration.report.status));
    return this.answer("nothing");
  }

  heartbeat(beat: Heartbeat): SchedulerOutcome {
    if (this.state !== "leads") return this.state;
    this.beats.push(beat);
    return this.answer(this.tags.get(beat.host) === beat.tag ? "nothing" : "report");
  }

  private answer(wants: "report" | "nothing"): SchedulerOutcome {
    return { kind: "answered", answer: { wants, epoch: 1, next: milliseconds(1_000) } };
  }
}

const GONE: SchedulerOutcome = { kind: "unanswered", reason: "nothing listens there" };

interface Cluster {
  readonly rig: Rig;
  readonly schedulers: Schedulers;
  /** Every call, as `time url kind`. */
  readonly calls: string[];
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

type Schedulers = Readonly<Record<string, SmallScheduler>>;

/** `prepare`: before the agent says its first word. */
async function cluster(prepare: (schedulers: Schedulers) => void = () => undefined): Promise<Cluster> {
  const rig = await new Rig().start();
  const schedulers: Schedulers = { [A]: new SmallScheduler(), [B]: new SmallScheduler(), [C]: new SmallScheduler() };
  prepare(schedulers);
  const calls: string[] = [];
  const note = (url: string, kind: string) => calls.push(`${rig.clock.monotonic()} ${url} ${kind}`);
  const clients: SchedulerClients = (url) => ({
    register: async (registration) => {
      note(url, "register");
      return schedulers[url]!.register(registration);
    },
    heartbeat: async (beat) => {
      note(url, "heartbeat");
      return schedulers[url]!.heartbeat(beat);
    },
  });
  const stop = new AbortController();
  const options = {
    agent: rig.agent,
    url: "http://h1:8099",
    clients,
    rules: rules(),
    clock: rig.clock,
    log: silentLog,
    random: () => 0,
  };
  return { rig, schedulers, calls, stop, ended: keepInCluster(options, stop.signal) };
}

async function stopped({ stop, ended, rig }: Cluster): Promise<void> {
  stop.abort();
  await ended;
  assert.equal(rig.clock.sleepers(), 0);
}

test("a host registers once, then beats; the whole report goes out again only when it has changed", async () => {
  const one = await cluster();
  await one.rig.clock.advance(10_500);
  const { registrations, beats } = one.schedulers[A]!;
  assert.deepEqual([registrations.length, beats.length], [1, 10]);
  assert.equal(registrations[0]!.url, "http://h1:8099");
  assert.equal(registrations[0]!.report.status.host, "h1");
  await one.rig.deploy("web");
  await one.rig.clock.advance(1_000);
  assert.equal(registrations.length, 2);
  assert.deepEqual(
    registrations[1]!.report.vms.map((vm) => vm.name),
    ["web"],
  );
  await one.rig.clock.advance(5_000);
  assert.equal(registrations.length, 2);
  await stopped(one);
});

test("a standby's answer leads to the leader at once", async () => {
  const one = await cluster(({ [A]: a }) => {
    a!.state = { kind: "elsewhere", leader: C };
  });
  await one.rig.clock.advance(1_500);
  assert.deepEqual(one.calls.slice(0, 3), [`0 ${A} register`, `0 ${C} register`, `1000 ${C} heartbeat`]);
  await stopped(one);
});

test("when the leader is gone the next scheduler is asked, and the new leader gets the report that it lacks", async () => {
  const one = await cluster();
  await one.rig.clock.advance(1_500);
  one.schedulers[A]!.state = GONE;
  one.schedulers[B]!.state = { kind: "elsewhere", leader: C };
  await one.rig.clock.advance(2_000);
  assert.deepEqual(
    one.calls.slice(2).map((call) => call.replace(/^\d+ /, "")),
    [`${A} heartbeat`, `${B} heartbeat`, `${C} heartbeat`, `${C} register`, `${C} heartbeat`],
  );
  await stopped(one);
});

test("while no scheduler answers the host deploys and ticks as ever, and asks ever more rarely", async () => {
  const one = await cluster((schedulers) => {
    for (const scheduler of Object.values(schedulers)) scheduler.state = GONE;
  });
  await one.rig.deploy("web");
  assert.equal((await one.rig.tick()).failure, null);
  await one.rig.clock.advance(120_000);
  const before = one.calls.length;
  await one.rig.clock.advance(60_000);
  const aMinute = one.calls.length - before;
  assert.ok(aMinute >= 6 && aMinute <= 15, `${aMinute} calls in a minute`);
  for (const scheduler of Object.values(one.schedulers)) scheduler.state = "leads";
  await one.rig.clock.advance(10_000);
  assert.equal(Object.values(one.schedulers).flatMap((scheduler) => scheduler.registrations).length, 1);
  await stopped(one);
});

test("a scheduler that forgot the host is told everything again", async () => {
  const one = await cluster();
  await one.rig.clock.advance(1_500);
  one.schedulers[A]!.tags.clear();
  await one.rig.clock.advance(1_000);
  assert.equal(one.schedulers[A]!.registrations.length, 2);
  await stopped(one);
});

test("a client that throws stops neither the beats nor the agent", async () => {
  const one = await cluster(({ [A]: a }) => {
    a!.register = () => {
      throw new Error("a bug");
    };
  });
  await one.rig.clock.advance(5_000);
  assert.equal(one.schedulers[B]!.registrations.length, 1);
  await stopped(one);
});

test("a host that ceases to be ready says so by its tag", async () => {
  const one = await cluster();
  await one.rig.clock.advance(1_500);
  one.rig.hypervisor.disconnect();
  await one.rig.clock.advance(1_000);
  assert.equal(one.schedulers[A]!.registrations.at(-1)!.report.status.ready, false);
  one.rig.hypervisor.reconnect();
  await one.rig.clock.advance(1_000);
  assert.equal(one.schedulers[A]!.registrations.at(-1)!.report.status.ready, true);
  assert.equal(one.schedulers[A]!.registrations.length, 3);
  await stopped(one);
});

test("a token is told to the operator's own schedulers, else only from TLS to TLS", () => {
  const own = rules({ urls: [A, B], secret: true });
  assert.ok(mayFollow(A, B, own));
  assert.ok(!mayFollow(A, "http://stranger:8100", own));
  assert.ok(!mayFollow(A, "https://stranger:8100", own));
  assert.ok(mayFollow("https://a:8100", "https://c:8100", own));
  assert.ok(!mayFollow("https://a:8100", "http://c:8100", own));
  assert.ok(mayFollow(A, "http://stranger:8100", rules({ urls: [A], secret: false })));
  for (const wrong of ["", "c:8100", "file:///etc/passwd", "javascript:alert(1)"])
    assert.ok(!mayFollow(A, wrong, rules()));
});

const outcome: fc.Arbitrary<SchedulerOutcome> = fc.oneof(
  fc.record({
    kind: fc.constant("answered" as const),
    answer: fc.record({
      wants: fc.constantFrom("report" as const, "nothing" as const),
      epoch: fc.nat(),
      next: fc.constantFrom(0, 1, 5_000, 1e12, -5).map(milliseconds),
    }),
  }),
  fc.record({ kind: fc.constant("elsewhere" as const), leader: fc.constantFrom(null, A, B, C, "http://other:1", "?") }),
  fc.record({
    kind: fc.constant("refused" as const),
    code: fc.constantFrom("unknown-host", "host-taken", "forbidden"),
    reason: fc.constant("no"),
  }),
  fc.constant(GONE),
);

test("whatever schedulers answer, an agent never asks without end and never waits beyond the longest interval", () => {
  const bounds = rules();
  fc.assert(
    fc.property(
      fc.array(outcome, { minLength: 40, maxLength: 60 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      (all, random) => {
        let course: Course = firstCourse(bounds);
        let withoutPause = 0;
        for (const one of all) {
          const leg = nextLeg(course, one, bounds, random);
          assert.ok(leg.pause >= 0 && leg.pause <= bounds.longestInterval);
          withoutPause = leg.pause === 0 ? withoutPause + 1 : 0;
          assert.ok(withoutPause <= 5, "five questions in a row without a pause");
          course = leg.course;
        }
      },
    ),
  );
});
