/**
 * Every setting of a host agent and of its command line, in the order in which they are shown. The seeds' names (spec 2.3)
 * stand beside Headroom's own, so that an old `.env` file works as it is.
 */

import { EMPTY_CPU_SET } from "../../core/cpuset.js";
import { POLICY_NAMES } from "../../core/pool/policy.js";
import { DYNAMIC } from "./dynamic-settings.js";
import { listenOn } from "./listening.js";
import { MEMBERSHIP } from "./membership-settings.js";
import { AGENT_MEMORY, BALLOON, STORE_BALLOON } from "./memory-settings.js";
import {
  absolutePath,
  choice,
  cpuSet,
  decimal,
  listOf,
  nonEmpty,
  orNull,
  type Setting,
  setting,
  wholeNumber,
  yesOrNo,
} from "./setting.js";

const hypervisorUri = nonEmpty.refine((text) => /^[a-z]+(\+[a-z0-9]+)?:\/\/\S*$/.test(text));
const httpUrl = nonEmpty.refine((text) => /^https?:\/\/\S+$/.test(text));

const HOST = {
  hostName: setting({
    group: "Host",
    names: ["HEADROOM_HOST_NAME"],
    about: "Name of the host in answers (empty: as the hypervisor calls it)",
    allowed: "a name of letters, digits, dots and dashes",
    fallback: null as string | null,
    schema: orNull(nonEmpty.refine((text) => /^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(text))),
  }),
  hypervisor: setting({
    group: "Host",
    names: ["HEADROOM_HYPERVISOR", "QEMU_URL"],
    about: "Hypervisor to drive: libvirt's URI, or fake:///PRESET for a simulated host",
    allowed: "a URI such as qemu:///system, qemu+ssh://user@host/system or fake:///epyc-7662-2s",
    fallback: "qemu:///system",
    schema: hypervisorUri,
  }),
  topology: setting({
    group: "Host",
    names: ["HEADROOM_TOPOLOGY"],
    about: "Where the host's topology comes from: this machine, a JSON file or a preset",
    allowed: "auto, the path of a topology JSON file, or the name of a preset (headroom topology --help lists them)",
    fallback: "auto",
    schema: nonEmpty,
  }),
  excludedPcpus: setting({
    group: "Host",
    names: ["HEADROOM_EXCLUDED_PCPUS", "TOPO_EXCLUDE"],
    about: "pCPUs that Headroom does not know at all",
    allowed: "a CPU set such as 0-1,128 (empty: none)",
    fallback: EMPTY_CPU_SET,
    schema: cpuSet,
  }),
  hostPcpus: setting({
    group: "Host",
    names: ["HEADROOM_HOST_PCPUS"],
    about: "pCPUs kept for the host itself: counted, but never given to a pool (policy headroom)",
    allowed: "a CPU set such as 0,64 (empty: none)",
    fallback: EMPTY_CPU_SET,
    schema: cpuSet,
  }),
  reservedMemoryMiB: setting({
    group: "Host",
    names: ["HEADROOM_RESERVED_MEMORY_MIB"],
    about: "Memory kept for the host itself, in MiB",
    allowed: "a whole number of MiB from 0 to 1073741824",
    fallback: 0,
    schema: wholeNumber(0, 2 ** 30),
  }),
};

const POOLS = {
  policy: setting({
    group: "Pools",
    names: ["HEADROOM_POLICY"],
    about: "How pools grow, shrink and share",
    allowed: `one of ${POLICY_NAMES.join(", ")}`,
    fallback: "headroom" as (typeof POLICY_NAMES)[number],
    schema: choice(...POLICY_NAMES),
  }),
  template: setting({
    group: "Pools",
    names: ["HEADROOM_TEMPLATE", "OVSB_TEMPLATE"],
    about: "Allocation ratio of vCPU 0, 1, 2 ...; the last holds for the rest (empty: each VM carries its ratio)",
    allowed: "a comma list of ratios from 1 to 64, such as 1.0,1.5,2.6 (empty: per VM)",
    fallback: [] as readonly number[],
    schema: listOf(decimal(1, 64)),
  }),
  criticalSize: setting({
    group: "Pools",
    names: ["HEADROOM_CRITICAL_SIZE", "OVSB_CRITICAL_SIZE"],
    about: "Oversubscribed pools with fewer VMs than this share their pCPUs (0: never)",
    allowed: "a whole number from 0 to 10000",
    fallback: 0,
    schema: wholeNumber(0, 10_000),
  }),
  maximumRatio: setting({
    group: "Pools",
    names: ["HEADROOM_MAXIMUM_RATIO"],
    about: "Largest allocation ratio that a request may ask for",
    allowed: "a number from 1 to 64",
    fallback: 16,
    schema: decimal(1, 64),
  }),
};

const GUESTS = {
  accelerator: setting({
    group: "Guests",
    names: ["HEADROOM_ACCELERATOR"],
    about: "KVM where it works and TCG otherwise, or always the one named",
    allowed: "one of auto, kvm, tcg",
    fallback: "auto" as "auto" | "kvm" | "tcg",
    schema: choice("auto", "kvm", "tcg"),
  }),
  qemuBinary: setting({
    group: "Guests",
    names: ["HEADROOM_QEMU_BINARY", "QEMU_LOC"],
    about: "QEMU program of the guests (empty: libvirt's choice)",
    allowed: "an absolute path",
    fallback: null as string | null,
    schema: orNull(absolutePath),
  }),
  machine: setting({
    group: "Guests",
    names: ["HEADROOM_MACHINE", "QEMU_MACHINE"],
    about: "Machine type of the guests (empty: libvirt's choice)",
    allowed: "a machine type such as q35 or pc-q35-7.2",
    fallback: null as string | null,
    schema: orNull(nonEmpty.refine((text) => /^[A-Za-z0-9._-]+$/.test(text))),
  }),
  domainTemplate: setting({
    group: "Guests",
    names: ["HEADROOM_DOMAIN_TEMPLATE"],
    about: "Domain XML that new guests start from (empty: the built-in one)",
    allowed: "an absolute path",
    fallback: null as string | null,
    schema: orNull(absolutePath),
  }),
  imageFolders: setting({
    group: "Guests",
    names: ["HEADROOM_IMAGE_FOLDERS"],
    about: "Folders below which disk images may lie",
    allowed: "a comma list of absolute paths",
    fallback: ["/var/lib/libvirt/images"] as readonly string[],
    schema: listOf(absolutePath),
  }),
  overlayFolder: setting({
    group: "Guests",
    names: ["HEADROOM_OVERLAY_FOLDER"],
    about: "Where each VM's copy-on-write disk is made",
    allowed: "an absolute path",
    fallback: "/var/lib/headroom/overlays",
    schema: absolutePath,
  }),
  imageMode: setting({
    group: "Guests",
    names: ["HEADROOM_IMAGE_MODE"],
    about: "Whether a VM writes to an overlay over its image, or to the image as it is",
    allowed: "one of overlay, direct",
    fallback: "overlay" as "overlay" | "direct",
    schema: choice("overlay", "direct"),
  }),
  liveVcpuFactor: setting({
    group: "Guests",
    names: ["HEADROOM_LIVE_VCPU_FACTOR"],
    about: "vCPUs that a new VM may grow to while it runs, as a multiple of its first size",
    allowed: "a number from 1 to 16",
    fallback: 2,
    schema: decimal(1, 16),
  }),
  liveMemoryFactor: setting({
    group: "Guests",
    names: ["HEADROOM_LIVE_MEMORY_FACTOR"],
    about: "Memory that a new VM may grow to while it runs, as a multiple of its first size",
    allowed: "a number from 1 to 16",
    fallback: 1,
    schema: decimal(1, 16),
  }),
  shutdownPatienceSeconds: setting({
    group: "Guests",
    names: ["HEADROOM_SHUTDOWN_PATIENCE_SECONDS"],
    about: "Seconds that a guest may take to shut down for a resize with restart",
    allowed: "a number of seconds from 0 to 3600",
    fallback: 20,
    schema: decimal(0, 3600),
  }),
};

const TELEMETRY = {
  probeMetrics: setting({
    group: "Telemetry",
    names: ["HEADROOM_PROBE_METRICS"],
    about: "What of a probe's metrics the agent shows in its own: none, all but performance counters, or all",
    allowed: "one of off, on, perf",
    fallback: "on" as "off" | "on" | "perf",
    schema: choice("off", "on", "perf"),
  }),
};

const LISTENING = {
  ...listenOn(["HEADROOM_ADDRESS", "SCL_URL"], ["HEADROOM_PORT", "SCL_PORT"], 8099),
  tokensFile: setting({
    group: "Listening",
    names: ["HEADROOM_TOKENS_FILE"],
    about: "File of hashed access tokens and their roles (headroom token writes it)",
    allowed: "an absolute path",
    fallback: null as string | null,
    schema: orNull(absolutePath),
  }),
  tlsCertificate: setting({
    group: "Listening",
    names: ["HEADROOM_TLS_CERTIFICATE"],
    about: "Certificate chain (PEM); with the key it switches TLS on",
    allowed: "an absolute path",
    fallback: null as string | null,
    schema: orNull(absolutePath),
  }),
  tlsKey: setting({
    group: "Listening",
    names: ["HEADROOM_TLS_KEY"],
    about: "Private key of the certificate (PEM)",
    allowed: "an absolute path",
    fallback: null as string | null,
    schema: orNull(absolutePath),
  }),
  seedCalls: setting({
    group: "Listening",
    names: ["HEADROOM_SEED_CALLS"],
    about: "Answer the earlier systems' calls (GET /deploy, /remove, ...), which have no authentication",
    allowed: "yes or no",
    fallback: true,
    schema: yesOrNo,
  }),
};

const LIMITS = {
  bodyLimitBytes: setting({
    group: "Limits",
    names: ["HEADROOM_BODY_LIMIT_BYTES"],
    about: "Largest request body",
    allowed: "a whole number of bytes from 1024 to 16777216",
    fallback: 65_536,
    schema: wholeNumber(1024, 2 ** 24),
  }),
  requestTimeoutSeconds: setting({
    group: "Limits",
    names: ["HEADROOM_REQUEST_TIMEOUT_SECONDS"],
    about: "Time within which a client must have sent its request",
    allowed: "a number of seconds from 1 to 600",
    fallback: 10,
    schema: decimal(1, 600),
  }),
  maximumInFlight: setting({
    group: "Limits",
    names: ["HEADROOM_MAXIMUM_IN_FLIGHT"],
    about: "Requests served at once; more are answered 503",
    allowed: "a whole number from 1 to 100000",
    fallback: 256,
    schema: wholeNumber(1, 100_000),
  }),
};

const RUNNING = {
  tickSeconds: setting({
    group: "Running",
    names: ["HEADROOM_TICK_SECONDS", "SCL_DELAY"],
    about: "Seconds between two looks at the host; what failed or was changed by hand is mended at the next",
    allowed: "a number of seconds from 0.1 to 3600",
    fallback: 5,
    schema: decimal(0.1, 3600),
  }),
  repackSeconds: setting({
    group: "Running",
    names: ["HEADROOM_REPACK_SECONDS"],
    about: "Least seconds between two attempts to pack the pools again (0: never)",
    allowed: "a number of seconds from 0 to 604800",
    fallback: 600,
    schema: decimal(0, 604_800),
  }),
  balanceSeconds: setting({
    group: "Running",
    names: ["HEADROOM_BALANCE_SECONDS"],
    about:
      "Seconds between two rounds of the vCPU balancer within each pool (0: vCPUs are pinned to their pool, and the kernel balances it)",
    allowed: "a number of seconds from 0 to 3600",
    fallback: 0,
    schema: decimal(0, 3600),
  }),
  stateFolder: setting({
    group: "Running",
    names: ["HEADROOM_STATE_FOLDER"],
    about: "Folder of the agent's journal, and of the scheduler's own store and its events",
    allowed: "an absolute path",
    fallback: "/var/lib/headroom",
    schema: absolutePath,
  }),
  logLevel: setting({
    group: "Running",
    names: ["HEADROOM_LOG_LEVEL"],
    about: "Least serious log line that is written",
    allowed: "one of debug, info, warn, error",
    fallback: "info" as "debug" | "info" | "warn" | "error",
    schema: choice("debug", "info", "warn", "error"),
  }),
  logFormat: setting({
    group: "Running",
    names: ["HEADROOM_LOG_FORMAT"],
    about: "Form of log lines: text on a terminal and JSON elsewhere, or always the one named",
    allowed: "one of auto, json, text",
    fallback: "auto" as "auto" | "json" | "text",
    schema: choice("auto", "json", "text"),
  }),
};

const CLIENT = {
  url: setting({
    group: "Client",
    names: ["HEADROOM_URL"],
    about: "Agent or scheduler that the commands talk to (host, cluster and explain: http://127.0.0.1:8100)",
    allowed: "a URL such as http://127.0.0.1:8099",
    fallback: "http://127.0.0.1:8099",
    schema: httpUrl,
  }),
  token: setting({
    group: "Client",
    names: ["HEADROOM_TOKEN"],
    about: "Access token that they present",
    allowed: "a token as headroom token printed it",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
    secret: true,
  }),
};

export const AGENT_SETTINGS = {
  ...HOST,
  ...POOLS,
  ...DYNAMIC,
  ...GUESTS,
  ...AGENT_MEMORY,
  ...BALLOON,
  ...STORE_BALLOON,
  ...LISTENING,
  ...LIMITS,
  ...RUNNING,
  ...TELEMETRY,
  ...MEMBERSHIP,
  ...CLIENT,
};

export type SettingKey = keyof typeof AGENT_SETTINGS;
export type Settings = {
  readonly [K in SettingKey]: (typeof AGENT_SETTINGS)[K] extends Setting<infer T> ? T : never;
};
export const SETTING_KEYS = Object.keys(AGENT_SETTINGS) as readonly SettingKey[];
