/**
 * Keeps a host known to its cluster: registers with the scheduler that leads, then beats. The whole report goes out only when
 * the scheduler asks for it, which it does when the beat's tag is new to it. Runs beside the agent and never in its queue:
 * schedulers that are away, slow or wrong cost the host's own work nothing.
 */
import type { Clock } from "../../ports/clock.js";
import type { Log } from "../../ports/log.js";
import type { SchedulerClient, SchedulerClients, SchedulerOutcome } from "../../ports/scheduler-client.js";
import { type Course, type CourseRules, firstCourse, nextLeg } from "./course.js";
import { heartbeat, type Identity, identityOf, type Reporting, registration } from "./register.js";

export interface ClusterOptions {
  readonly agent: Reporting;
  /** Where schedulers reach the agent. */
  readonly url: string;
  readonly clients: SchedulerClients;
  readonly rules: CourseRules;
  readonly clock: Clock;
  readonly log: Log;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Until `signal` aborts. The agent must be started: before, it does not know its host's name. Never throws. */
export async function keepInCluster(options: ClusterOptions, signal: AbortSignal): Promise<void> {
  const { agent, rules, clock, random } = options;
  const identity = identityOf(agent);
  const voice = new Voice(options.log);
  let course = firstCourse(rules);
  let line = options.clients(course.url);
  while (!signal.aborted) {
    const outcome = await tell(options, line, course, identity, signal);
    if (signal.aborted) return;
    voice.heard(course, outcome);
    const leg = nextLeg(course, outcome, rules, random());
    if (leg.course.url !== course.url) line = options.clients(leg.course.url);
    course = leg.course;
    if (leg.pause > 0) await clock.sleep(leg.pause, signal);
  }
}

async function tell(
  { agent, url, clock, log }: ClusterOptions,
  line: SchedulerClient,
  course: Course,
  identity: Identity,
  signal: AbortSignal,
): Promise<SchedulerOutcome> {
  try {
    return course.next === "report"
      ? await line.register(registration(agent, url, clock), signal)
      : await line.heartbeat(heartbeat(agent, identity, clock), signal);
  } catch (error) {
    // A bug, of the cluster's part: the host's own work goes on.
    log.error({ err: error, scheduler: course.url }, "the scheduler could not be told of this host");
    return { kind: "unanswered", reason: String(error) };
  }
}

/** Says what changes, once. */
class Voice {
  #state = "";

  constructor(private readonly log: Log) {}

  heard({ url, failures }: Course, outcome: SchedulerOutcome): void {
    if (outcome.kind === "answered") {
      if (this.#isNew(`known to ${url}`)) this.log.info({ scheduler: url }, "the host is known to the cluster");
    } else if (outcome.kind === "refused" && outcome.code !== "unknown-host") {
      const { code, reason } = outcome;
      if (this.#isNew(`refused ${code}`))
        this.log.warn({ scheduler: url, code, reason }, "a scheduler refuses the host");
    } else if (outcome.kind === "unanswered" && failures > 0 && this.#isNew("silence")) {
      const { reason } = outcome;
      this.log.warn({ scheduler: url, reason }, "no scheduler answers; the host goes on by itself and keeps asking");
    }
  }

  #isNew(state: string): boolean {
    const isNew = this.#state !== state;
    this.#state = state;
    return isNew;
  }
}
