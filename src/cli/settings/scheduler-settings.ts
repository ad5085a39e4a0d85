/**
 * Every setting of a scheduler, in the order in which they are shown. Those that an agent has as well are the agent's own;
 * the seeds' names of the global scheduler (spec 2.3) stand beside Headroom's, so that an old `.env` file works as it is.
 */

import { MOST_MOVES } from "../../core/moves/search.js";
import { ESTIMATE_MODES, type EstimateMode } from "../../core/placement/estimate-mode.js";
import { weightsProblem } from "../../core/placement/rules.js";
import { WEIGHTS } from "../../core/placement/weights.js";
import { AGENT_SETTINGS } from "./agent-settings.js";
import { listenOn } from "./listening.js";
import { absolutePath, choice, decimal, listOf, nonEmpty, orNull, setting, wholeNumber, yesOrNo } from "./setting.js";

const isUrl = (text: string): boolean => /^https?:\/\/[^\s?#@]+$/.test(text) && URL.canParse(text);
const httpUrl = nonEmpty.refine(isUrl);
/** The seeds' lists stand with and without a scheme. */
const agentUrl = nonEmpty.transform((text) => (text.includes("://") ? text : `http://${text}`)).refine(isUrl);

const SAME = AGENT_SETTINGS;

const LISTENING = {
  ...listenOn(["HEADROOM_SCHEDULER_ADDRESS", "SCG_URL"], ["HEADROOM_SCHEDULER_PORT", "SCG_PORT"], 8100),
  advertisedUrl: setting({
    group: "Listening",
    names: ["HEADROOM_SCHEDULER_ADVERTISED_URL"],
    about: "Where agents and other schedulers reach this one (empty: the address that it listens on)",
    allowed: "a URL such as http://10.0.0.1:8100",
    fallback: null as string | null,
    schema: orNull(httpUrl),
  }),
  tokensFile: SAME.tokensFile,
  tlsCertificate: SAME.tlsCertificate,
  tlsKey: SAME.tlsKey,
  seedCalls: SAME.seedCalls,
};

const HOSTS = {
  list: setting({
    group: "Cluster",
    names: ["HEADROOM_AGENT_URLS", "SCG_NODE_URL_LIST"],
    about: "Agents that do not register themselves: their addresses, asked in turn",
    allowed: "a comma list of URLs such as http://10.0.0.7:8099",
    fallback: [] as readonly string[],
    schema: listOf(agentUrl),
  }),
  heartbeatSeconds: setting({
    group: "Cluster",
    names: ["HEADROOM_HEARTBEAT_SECONDS", "SCG_DELAY"],
    about: "Seconds between two heartbeats of an agent, and between two questions to a listed one",
    allowed: "a number of seconds from 0.1 to 600",
    fallback: 5,
    schema: decimal(0.1, 600),
  }),
  suspectSeconds: setting({
    group: "Cluster",
    names: ["HEADROOM_SUSPECT_SECONDS"],
    about: "Silent for so long, a host takes no new VM",
    allowed: "a number of seconds from 0.1 to 3600",
    fallback: 15,
    schema: decimal(0.1, 3600),
  }),
  downSeconds: setting({
    group: "Cluster",
    names: ["HEADROOM_DOWN_SECONDS"],
    about: "Silent for so long, a host counts as down; nothing is done about its VMs",
    allowed: "a number of seconds from 0.1 to 86400",
    fallback: 60,
    schema: decimal(0.1, 86_400),
  }),
  agentToken: setting({
    group: "Cluster",
    names: ["HEADROOM_AGENT_TOKEN"],
    about: "Access token of role agent that the scheduler presents to agents, and to the leader",
    allowed: "a token as headroom token printed it",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
    secret: true,
  }),
  clusterAuthority: SAME.clusterAuthority,
};

/** `32x131072`. */
const HOST_SHAPE = /^[1-9]\d{0,4}x[1-9]\d{0,9}$/;

const PLACEMENT = {
  placement: setting({
    group: "Placement",
    names: ["HEADROOM_PLACEMENT"],
    about: "How the best of the hosts that fit is found",
    allowed: `one of ${Object.keys(WEIGHTS).join(", ")}`,
    fallback: "headroom" as keyof typeof WEIGHTS,
    schema: choice("headroom", "slackvm", "spread", "pack"),
  }),
  estimates: setting({
    group: "Placement",
    names: ["HEADROOM_ESTIMATES"],
    about: "Whether estimates that are published decide: off; advise: explanations show what they would; enforce",
    allowed: `one of ${ESTIMATE_MODES.join(", ")}`,
    fallback: "off" as EstimateMode,
    schema: choice(...ESTIMATE_MODES),
  }),
  estimateMargin: setting({
    group: "Placement",
    names: ["HEADROOM_ESTIMATE_MARGIN"],
    about: "Share of a host by which what an estimate leaves free may pass what was measured free",
    allowed: "a number from 0 to 1",
    fallback: 0.05,
    schema: decimal(0, 1),
  }),
  weights: setting({
    group: "Placement",
    names: ["HEADROOM_WEIGHTS"],
    about: "What each weigher counts, in place of what the placement says (empty: as it says)",
    allowed: "a comma list of weigher=number pairs, such as balance=1,usage=0.5",
    fallback: [] as readonly string[],
    schema: listOf(nonEmpty).superRefine((pairs, context) => {
      const problem = pairs.map(pairProblem).find((one) => one !== null) ?? weightsProblem(weightsOf(pairs));
      if (problem !== null && problem !== undefined) context.addIssue({ code: "custom", message: problem });
    }),
  }),
  learnPrices: setting({
    group: "Placement",
    names: ["HEADROOM_LEARN_PRICES"],
    about: "Placement headroom bids by prices learnt from the VMs that are placed and asked for",
    allowed: "yes or no",
    fallback: true,
    schema: yesOrNo,
  }),
  expectedVms: setting({
    group: "Placement",
    names: ["HEADROOM_EXPECTED_VMS"],
    about:
      "List of the VMs that are expected, as headroom size reads it, for prices in place of learnt ones (empty: none)",
    allowed: "an absolute path",
    fallback: null as string | null,
    schema: orNull(absolutePath),
  }),
  expectedHost: setting({
    group: "Placement",
    names: ["HEADROOM_EXPECTED_HOST"],
    about: "What the commonest host sells, for those prices",
    allowed: "pCPUs x MiB, such as 32x131072",
    fallback: null as string | null,
    schema: orNull(nonEmpty.refine((text) => HOST_SHAPE.test(text))),
  }),
  movesAtOnce: setting({
    group: "Placement",
    names: ["HEADROOM_MOVES_AT_ONCE"],
    about: "VMs of one host that are moved away at once, while it is drained",
    allowed: "a whole number from 1 to 100",
    fallback: 2,
    schema: wholeNumber(1, 100),
  }),
  migrationBudget: setting({
    group: "Placement",
    names: ["HEADROOM_MIGRATION_BUDGET"],
    about:
      "Live moves, at most, that make room for a VM that no host takes, or that is to grow; 0: it is refused at once",
    allowed: "a whole number from 0 to 2",
    fallback: 0,
    schema: wholeNumber(0, MOST_MOVES),
  }),
  migrationsPerHour: setting({
    group: "Placement",
    names: ["HEADROOM_MIGRATION_BUDGET_PER_HOUR"],
    about: "Of those moves, at most so many in any hour",
    allowed: "a whole number from 1 to 10000",
    fallback: 60,
    schema: wholeNumber(1, 10_000),
  }),
  roomSeconds: setting({
    group: "Placement",
    names: ["HEADROOM_MIGRATION_BUDGET_SECONDS"],
    about: "How long a request waits for those moves; then they are ended, and it is refused",
    allowed: "a whole number of seconds from 1 to 600",
    fallback: 45,
    schema: wholeNumber(1, 600),
  }),
  maximumRatio: SAME.maximumRatio,
  imageFolders: SAME.imageFolders,
};

const pairProblem = (pair: string): string | null =>
  /^[a-z-]+=-?\d+(\.\d+)?$/.test(pair) ? null : `"${pair}" is no weigher=number`;

/** `["balance=1"]` as `{ balance: 1 }`. */
export const weightsOf = (pairs: readonly string[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf("=")), Number(pair.slice(pair.indexOf("=") + 1))]),
  );

const STORE = {
  etcdEndpoints: setting({
    group: "Store",
    names: ["HEADROOM_ETCD_ENDPOINTS"],
    about: "etcd of the cluster, for several schedulers (empty: a folder beside this one)",
    allowed: "a comma list of URLs such as http://10.0.0.1:2379",
    fallback: [] as readonly string[],
    schema: listOf(httpUrl),
  }),
  etcdPrefix: setting({
    group: "Store",
    names: ["HEADROOM_ETCD_PREFIX"],
    about: "Where in etcd the cluster's keys begin",
    allowed: "a path such as /headroom/, which begins and ends with a slash",
    fallback: "/headroom/",
    schema: nonEmpty.refine((text) => /^\/[!-~]*\/$/.test(text)),
  }),
  etcdAuthority: setting({
    group: "Store",
    names: ["HEADROOM_ETCD_AUTHORITY"],
    about: "Certificate authority (PEM) of etcd (empty: the system's)",
    allowed: "an absolute path",
    fallback: null as string | null,
    schema: orNull(absolutePath),
  }),
  etcdCertificate: setting({
    group: "Store",
    names: ["HEADROOM_ETCD_CERTIFICATE"],
    about: "Certificate (PEM) that the scheduler shows to etcd",
    allowed: "an absolute path",
    fallback: null as string | null,
    schema: orNull(absolutePath),
  }),
  etcdKey: setting({
    group: "Store",
    names: ["HEADROOM_ETCD_KEY"],
    about: "Private key of that certificate (PEM)",
    allowed: "an absolute path",
    fallback: null as string | null,
    schema: orNull(absolutePath),
  }),
  etcdUser: setting({
    group: "Store",
    names: ["HEADROOM_ETCD_USER"],
    about: "User of etcd, where it asks for one",
    allowed: "a name",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
  }),
  etcdPassword: setting({
    group: "Store",
    names: ["HEADROOM_ETCD_PASSWORD"],
    about: "Password of that user",
    allowed: "a password",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
    secret: true,
  }),
  leaderSeconds: setting({
    group: "Store",
    names: ["HEADROOM_LEADER_SECONDS"],
    about: "How long a leader that is not heard of by etcd keeps the others waiting",
    allowed: "a whole number of seconds from 2 to 600",
    fallback: 6,
    schema: wholeNumber(2, 600),
  }),
  epochAbove: setting({
    group: "Store",
    names: ["HEADROOM_EPOCH_ABOVE"],
    about: "Leaders' epochs begin above this: after a move to another store, or a restored backup",
    allowed: "a whole number from 0 to 9007199254740991",
    fallback: 0,
    schema: wholeNumber(0, Number.MAX_SAFE_INTEGER),
  }),
};

export const SCHEDULER_SETTINGS = {
  ...LISTENING,
  bodyLimitBytes: SAME.bodyLimitBytes,
  requestTimeoutSeconds: SAME.requestTimeoutSeconds,
  maximumInFlight: setting({
    group: "Limits",
    names: ["HEADROOM_SCHEDULER_MAXIMUM_IN_FLIGHT"],
    about: "Requests served at once; more are answered 503",
    allowed: "a whole number from 1 to 100000",
    fallback: 4096,
    schema: wholeNumber(1, 100_000),
  }),
  ...HOSTS,
  ...PLACEMENT,
  ...STORE,
  stateFolder: SAME.stateFolder,
  logLevel: SAME.logLevel,
  logFormat: SAME.logFormat,
};
