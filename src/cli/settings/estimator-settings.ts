/**
 * Every setting of the online estimator, in the order in which they are shown; those of the sample store follow. The seed's names
 * (spec 2.3) stand beside Headroom's, so that an old `.env` file works as it is.
 */

import { z } from "zod";
import { ASSESSOR_NAMES } from "../../core/estimator/assessor.js";
import { DEFAULT_PROMISE, PROMISES, type WindowsOfPromise } from "../../core/estimator/headroom/promise.js";
import { STRATEGY_NAMES } from "../../core/estimator/names.js";
import { jsonOf } from "../../core/json.js";
import { AGENT_SETTINGS } from "./agent-settings.js";
import { listenOn } from "./listening.js";
import { httpUrl } from "./membership-settings.js";
import { SAMPLE_STORE_SETTINGS } from "./sample-store-settings.js";
import { absolutePath, choice, decimal, listOf, nonEmpty, orNull, setting, wholeNumber, yesOrNo } from "./setting.js";

const SAME = AGENT_SETTINGS;
const DAY_SECONDS = 86_400;
const MOST_PROMISED = Math.max(...PROMISES);

/** The seed writes its list as JSON. */
const hostList = z.preprocess(
  (value) => (typeof value === "string" && value.trim().startsWith("[") ? (jsonOf(value) ?? value) : value),
  listOf(nonEmpty),
);

/** Keys that are options of `headroom estimate` anyway, of the same names. */
export const SHARED_FLAGS = ["strategy", "assessor", "cpu", "mem", "sigmas", "promise"] as const;

const STRATEGY = {
  strategy: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_STRATEGY"],
    about: "Strategy that predicts each host's peak",
    allowed: `one of ${STRATEGY_NAMES.join(", ")}`,
    fallback: "headroom" as (typeof STRATEGY_NAMES)[number],
    schema: choice(...STRATEGY_NAMES),
  }),
  assessor: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_ASSESSOR"],
    about: "How greedy tells whether a host is stable",
    allowed: `one of ${ASSESSOR_NAMES.join(", ")}`,
    fallback: "lstm" as (typeof ASSESSOR_NAMES)[number],
    schema: choice(...ASSESSOR_NAMES),
  }),
  cpu: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_CPU_PERCENTILE"],
    about: "Percentile of CPU, for strategies that take one (empty: 90; of each VM 99)",
    allowed: "a number from 0 to 100",
    fallback: null as number | null,
    schema: orNull(decimal(0, 100)),
  }),
  mem: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_MEMORY_PERCENTILE"],
    about: "Percentile of memory (empty: 90; of each VM 100)",
    allowed: "a number from 0 to 100",
    fallback: null as number | null,
    schema: orNull(decimal(0, 100)),
  }),
  sigmas: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_SIGMAS"],
    about: "Standard deviations of nsigma and maxpeak",
    allowed: "a number from 0 to 100",
    fallback: 5,
    schema: decimal(0, 100),
  }),
  promise: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_PROMISE"],
    about: "How often headroom may be passed: one window in so many",
    allowed: `one of ${PROMISES.join(", ")}`,
    fallback: DEFAULT_PROMISE as WindowsOfPromise,
    schema: wholeNumber(1, MOST_PROMISED).pipe(z.literal(PROMISES)),
  }),
};

const WINDOWS = {
  windowSeconds: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_WINDOW_SECONDS", "SCHED_SCOPE_SLICE_S"],
    about: "A window: at its end each host is estimated, for the next one",
    allowed: `a whole number of seconds from 20 to ${DAY_SECONDS}`,
    fallback: 3600,
    schema: wholeNumber(20, DAY_SECONDS),
  }),
  scopeSeconds: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_SCOPE_SECONDS", "SCHED_SCOPE_S"],
    about: "A virtual day: strategies look back on windows of the same time of it (empty: a window)",
    allowed: "a whole number of seconds, a multiple of the window",
    fallback: null as number | null,
    schema: orNull(wholeNumber(20, 366 * DAY_SECONDS)),
  }),
  history: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_HISTORY", "SCHED_SCOPE_HISTORICAL"],
    about: "Earlier windows of the same time of the day that are looked back on",
    allowed: "a whole number from 1 to 100",
    fallback: 3,
    schema: wholeNumber(1, 100),
  }),
  estimateHosts: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_HOSTS", "SCHED_NODES"],
    about: "Hosts to estimate, by their names in the sample store (empty: all)",
    allowed: "a comma list, or a JSON list",
    fallback: [] as readonly string[],
    schema: hostList,
  }),
  learnPast: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_LEARN_PAST", "SCHED_SCOPE_INIT_FETCH_PREVIOUS"],
    about: "Learn from the store's history when a host is seen first",
    allowed: "yes or no",
    fallback: true,
    schema: yesOrNo,
  }),
  pastWindows: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_PAST_WINDOWS"],
    about: "Windows of history that are learnt from, and the most that are caught up on",
    allowed: "a whole number from 1 to 10000",
    fallback: 168,
    schema: wholeNumber(1, 10_000),
  }),
  delaySeconds: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_DELAY_SECONDS"],
    about: "How long after its end a window is looked at; what comes later is not seen",
    allowed: "a number of seconds from 0 to 3600",
    fallback: 60,
    schema: decimal(0, 3600),
  }),
  mostMissing: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_MOST_MISSING"],
    about: "Share of a window's samples that may be missing before its estimate is withheld",
    allowed: "a number from 0 to 1",
    fallback: 0.5,
    schema: decimal(0, 1),
  }),
  estimatorFolder: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATOR_FOLDER"],
    about: "Where it remembers what it has learnt of each host",
    allowed: "an absolute path",
    fallback: "/var/lib/headroom/estimator",
    schema: absolutePath,
  }),
};

/** Settings of OpenStack have its own clients' names beside ours. */
function named(name: string, openstackName: string, about: string, fallback: string) {
  const names = [name, openstackName] as const;
  return setting({ group: "OpenStack", names, about, allowed: "a text", fallback, schema: nonEmpty });
}

function text(name: string, openstackName: string, about: string) {
  const names = [name, openstackName] as const;
  const fallback = null as string | null;
  return setting({ group: "OpenStack", names, about, allowed: "a text", fallback, schema: orNull(nonEmpty) });
}

const secretText = (name: string, openstackName: string, about: string) => ({
  ...text(name, openstackName, about),
  secret: true as const,
});

const SINKS = {
  estimateFile: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_FILE", "STATE_ENDPOINT"],
    about: "JSON file with the newest estimates, in the seed's form; what --list reads",
    allowed: "an absolute path",
    fallback: "/var/lib/headroom/estimator/estimates.json",
    schema: absolutePath,
  }),
  schedulerUrls: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_SCHEDULERS"],
    about: "Schedulers of a cluster that estimates are published to; the first that answers is told (empty: none)",
    allowed: "a comma list of URLs such as http://10.0.0.1:8100",
    fallback: [] as readonly string[],
    schema: listOf(httpUrl),
  }),
  estimatorToken: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATOR_TOKEN"],
    about: "Access token of role agent that is presented to them",
    allowed: "a token as headroom token printed it",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
    secret: true,
  }),
  clusterAuthority: SAME.clusterAuthority,
  webhookUrl: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_WEBHOOK_URL"],
    about: "Where new estimates are posted (empty: nowhere)",
    allowed: "a URL such as https://example.net/estimates",
    fallback: null as string | null,
    // The address may hold what lets us in.
    schema: orNull(nonEmpty.refine((address) => /^https?:\/\/[^\s#@]+$/.test(address) && URL.canParse(address))),
    secret: true,
  }),
  webhookSecret: setting({
    group: "Estimates",
    names: ["HEADROOM_ESTIMATE_WEBHOOK_SECRET"],
    about: "Secret that signs what is posted (empty: not signed)",
    allowed: "a text of 16 characters or more",
    fallback: null as string | null,
    schema: orNull(z.string().min(16)),
    secret: true,
  }),
};

const bound = (fallback: number, name: string, about: string) =>
  setting({
    group: "OpenStack",
    names: [name],
    about,
    allowed: "a number from 0.1 to 100",
    fallback,
    schema: decimal(0.1, 100),
  });

const PROVIDER_RULE = /^[^=\s]+=[^=\s]+$/;

const OPENSTACK = {
  openstackMode: setting({
    group: "OpenStack",
    names: ["HEADROOM_OPENSTACK_MODE"],
    about: "Whether allocation ratios in Placement are moved, or it is only told how they would be",
    allowed: "one of dry-run, apply",
    fallback: "dry-run" as "dry-run" | "apply",
    schema: choice("dry-run", "apply"),
  }),
  openstackPlacementUrl: setting({
    group: "OpenStack",
    names: ["HEADROOM_OPENSTACK_PLACEMENT_URL"],
    about: "Placement (empty: where Keystone says; nowhere without Keystone)",
    allowed: "a URL such as http://10.0.0.1:8778",
    fallback: null as string | null,
    schema: orNull(httpUrl),
  }),
  openstackToken: setting({
    group: "OpenStack",
    names: ["HEADROOM_OPENSTACK_TOKEN"],
    about: "Token for a Placement without Keystone",
    allowed: "a token",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
    secret: true,
  }),
  openstackAuthUrl: setting({
    group: "OpenStack",
    names: ["HEADROOM_OPENSTACK_AUTH_URL", "OS_AUTH_URL"],
    about: "Keystone",
    allowed: "a URL such as http://10.0.0.1:5000/v3",
    fallback: null as string | null,
    schema: orNull(httpUrl),
  }),
  openstackUser: text("HEADROOM_OPENSTACK_USER", "OS_USERNAME", "User of Keystone; may change inventories"),
  openstackPassword: secretText("HEADROOM_OPENSTACK_PASSWORD", "OS_PASSWORD", "Password of that user"),
  openstackUserDomain: named("HEADROOM_OPENSTACK_USER_DOMAIN", "OS_USER_DOMAIN_NAME", "Domain of that user", "Default"),
  openstackProject: named("HEADROOM_OPENSTACK_PROJECT", "OS_PROJECT_NAME", "Project that it works in", "service"),
  openstackProjectDomain: named(
    "HEADROOM_OPENSTACK_PROJECT_DOMAIN",
    "OS_PROJECT_DOMAIN_NAME",
    "Domain of that project",
    "Default",
  ),
  openstackCredentialId: text(
    "HEADROOM_OPENSTACK_CREDENTIAL_ID",
    "OS_APPLICATION_CREDENTIAL_ID",
    "Application credential, in place of user and password",
  ),
  openstackCredentialSecret: secretText(
    "HEADROOM_OPENSTACK_CREDENTIAL_SECRET",
    "OS_APPLICATION_CREDENTIAL_SECRET",
    "Secret of that credential",
  ),
  openstackRegion: text("HEADROOM_OPENSTACK_REGION", "OS_REGION_NAME", "Region whose Placement is meant (empty: any)"),
  openstackInterface: named(
    "HEADROOM_OPENSTACK_INTERFACE",
    "OS_INTERFACE",
    "Which of its addresses: public, internal or admin",
    "public",
  ),
  openstackProviders: setting({
    group: "OpenStack",
    names: ["HEADROOM_OPENSTACK_PROVIDERS"],
    about: "Resource providers of hosts that have other names there",
    allowed: "a comma list such as node-1=compute1.example,node-2=compute2.example",
    fallback: [] as readonly string[],
    schema: listOf(nonEmpty.refine((pair) => PROVIDER_RULE.test(pair))),
  }),
  openstackResources: setting({
    group: "OpenStack",
    names: ["HEADROOM_OPENSTACK_RESOURCES"],
    about: "Whose ratios follow the estimates: VCPU (cpu), MEMORY_MB (memory)",
    allowed: "a comma list of cpu and memory",
    fallback: ["cpu", "memory"] as readonly ("cpu" | "memory")[],
    schema: listOf(choice("cpu", "memory")),
  }),
  openstackCpuLeast: bound(1, "HEADROOM_OPENSTACK_CPU_LEAST", "Least allocation ratio of VCPU"),
  openstackCpuMost: bound(4, "HEADROOM_OPENSTACK_CPU_MOST", "Most of it"),
  openstackMemoryLeast: bound(1, "HEADROOM_OPENSTACK_MEMORY_LEAST", "Least allocation ratio of MEMORY_MB"),
  openstackMemoryMost: bound(1.5, "HEADROOM_OPENSTACK_MEMORY_MOST", "Most of it"),
  openstackStep: setting({
    group: "OpenStack",
    names: ["HEADROOM_OPENSTACK_STEP"],
    about: "The most that a ratio is moved by at the end of a window",
    allowed: "a number from 0.01 to 100",
    fallback: 0.25,
    schema: decimal(0.01, 100),
  }),
};

const LISTENING = {
  ...listenOn(["HEADROOM_ESTIMATOR_ADDRESS"], ["HEADROOM_ESTIMATOR_PORT"], 8103),
  tokensFile: SAME.tokensFile,
  tlsCertificate: SAME.tlsCertificate,
  tlsKey: SAME.tlsKey,
  requestTimeoutSeconds: SAME.requestTimeoutSeconds,
  maximumInFlight: SAME.maximumInFlight,
};

export const ESTIMATOR_SETTINGS = {
  ...STRATEGY,
  ...WINDOWS,
  ...SINKS,
  ...OPENSTACK,
  ...LISTENING,
  ...SAMPLE_STORE_SETTINGS,
};
