/**
 * Which scheduler an agent speaks to next, with what, and when: from what the last one answered. Pure. An agent speaks to
 * one scheduler, the leader, and finds it by the others' answers. Silence leads to the next of the list, after pauses that
 * double with every round and are spread at random, so that a cluster of agents does not come back as one.
 */
import { type Milliseconds, milliseconds } from "../../core/units.js";
import type { SchedulerOutcome } from "../../ports/scheduler-client.js";

export interface Course {
  /** Who is asked next. */
  readonly url: string;
  readonly next: "report" | "heartbeat";
  /** In a row. */
  readonly failures: number;
  readonly redirects: number;
}

export interface CourseRules {
  /** As the operator gave them; at least one. */
  readonly urls: readonly string[];
  /** The calls carry a token, which must not be told to strangers. */
  readonly secret: boolean;
  readonly firstPause: Milliseconds;
  readonly longestPause: Milliseconds;
  /** Bounds of what a scheduler may ask for. */
  readonly shortestInterval: Milliseconds;
  readonly longestInterval: Milliseconds;
}

export const DEFAULT_COURSE_RULES = {
  firstPause: milliseconds(250),
  // Longer, and a scheduler that is back would still take its hosts for silent.
  longestPause: milliseconds(10_000),
  shortestInterval: milliseconds(100),
  longestInterval: milliseconds(60_000),
};

export interface Leg {
  readonly course: Course;
  /** Before the next message. */
  readonly pause: Milliseconds;
}

/** Schedulers that are changing leaders may send agents round in circles: after so many steps they take a breath. */
const MOST_REDIRECTS = 3;
/** Beats of hosts that were switched on together drift apart. */
const SPREAD = 0.1;

export const firstCourse = ({ urls }: CourseRules): Course => ({
  url: urls[0]!,
  next: "report",
  failures: 0,
  redirects: 0,
});

/** `random`: in [0, 1). */
export function nextLeg(course: Course, outcome: SchedulerOutcome, rules: CourseRules, random: number): Leg {
  switch (outcome.kind) {
    case "answered":
      return afterAnswer(course, outcome.answer, rules, random);
    case "elsewhere":
      return afterRedirect(course, outcome.leader, rules, random);
    case "refused":
      // It forgot the host, or its machine was changed.
      if (outcome.code === "unknown-host" && course.next === "heartbeat") return now({ ...course, next: "report" });
      return afterFailure(course, rules, random);
    case "unanswered":
      return afterFailure(course, rules, random);
  }
}

function afterAnswer(
  course: Course,
  { wants, next }: { readonly wants: "report" | "nothing"; readonly next: Milliseconds },
  rules: CourseRules,
  random: number,
): Leg {
  if (wants === "report" && course.next === "heartbeat") return now({ ...course, failures: 0, next: "report" });
  const answered = { ...course, failures: 0, redirects: 0 };
  const interval = Math.min(rules.longestInterval, Math.max(rules.shortestInterval, next));
  // A scheduler that has just got the report and wants it still has its reasons, but no hurry.
  const message = wants === "report" ? "report" : "heartbeat";
  return { course: { ...answered, next: message }, pause: milliseconds(interval * (1 - SPREAD * random)) };
}

function afterRedirect(course: Course, leader: string | null, rules: CourseRules, random: number): Leg {
  const known = leader !== null && leader !== course.url && mayFollow(course.url, leader, rules);
  if (!known || course.redirects >= MOST_REDIRECTS) return afterFailure(course, rules, random);
  return now({ ...course, url: leader, redirects: course.redirects + 1 });
}

/**
 * Whether the token may be told to the address: it is one of the operator's own, or both ends prove by TLS who they are. An
 * answer over plain HTTP may come from anybody.
 */
export function mayFollow(from: string, to: string, { urls, secret }: CourseRules): boolean {
  if (!URL.canParse(to) || !/^https?:/.test(to)) return false;
  if (!secret || urls.some((url) => sameOrigin(url, to))) return true;
  return from.startsWith("https:") && to.startsWith("https:");
}

const sameOrigin = (a: string, b: string): boolean => URL.canParse(a) && new URL(a).origin === new URL(b).origin;

function afterFailure(course: Course, rules: CourseRules, random: number): Leg {
  const { urls, firstPause, longestPause } = rules;
  const failures = course.failures + 1;
  const rounds = Math.floor((failures - 1) / urls.length);
  const pause = Math.min(longestPause, firstPause * 2 ** Math.min(rounds, 30));
  const url = urls[(urls.indexOf(course.url) + 1) % urls.length]!;
  return { course: { ...course, url, failures, redirects: 0 }, pause: milliseconds(pause * (0.5 + random / 2)) };
}

const now = (course: Course): Leg => ({ course, pause: milliseconds(0) });
