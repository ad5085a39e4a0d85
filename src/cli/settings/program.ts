/**
 * The programs that have settings: the agent (with the commands that talk to it), the scheduler, the probe, the collector, the estimator, and others
 * that use the sample store. Settings that the agent and another have are one and the same; in a config file they stand at the top, and
 * another program's own in its section.
 */
import { AGENT_SETTINGS } from "./agent-settings.js";
import { COLLECTOR_SETTINGS } from "./collector-settings.js";
import { ESTIMATOR_SETTINGS } from "./estimator-settings.js";
import { PROBE_SETTINGS } from "./probe-settings.js";
import { SAMPLE_STORE_SETTINGS } from "./sample-store-settings.js";
import { SCHEDULER_SETTINGS } from "./scheduler-settings.js";
import type { Setting } from "./setting.js";

export type SettingsTable = Readonly<Record<string, Setting<unknown>>>;

export type ValuesOf<T extends SettingsTable> = {
  readonly [K in keyof T]: T[K] extends Setting<infer V> ? V : never;
};

export interface Program<T extends SettingsTable> {
  readonly table: T;
  /** Key of the config file below which its own settings stand; null: at the top. */
  readonly section: string | null;
  /** Sections of others whose settings are its own as well. */
  readonly otherSections?: readonly string[];
  /** Sentences about values that are right by themselves and wrong together. */
  conflicts(settings: ValuesOf<T>): string[];
}

interface TlsFiles {
  readonly tlsCertificate: string | null;
  readonly tlsKey: string | null;
}

const tlsConflicts = ({ tlsCertificate, tlsKey }: TlsFiles): string[] =>
  (tlsCertificate === null) === (tlsKey === null)
    ? []
    : ["HEADROOM_TLS_CERTIFICATE and HEADROOM_TLS_KEY go together: set both or none"];

export type AgentTable = typeof AGENT_SETTINGS;
export type SchedulerTable = typeof SCHEDULER_SETTINGS;
export type SchedulerSettings = ValuesOf<SchedulerTable>;

export const AGENT_PROGRAM: Program<AgentTable> = {
  table: AGENT_SETTINGS,
  section: null,
  conflicts: (settings) => [
    ...policyConflicts(settings),
    ...tlsConflicts(settings),
    ...pcpuConflicts(settings),
    ...memoryConflicts(settings),
    ...dynamicConflicts(settings),
  ],
};

function policyConflicts({ policy, template }: ValuesOf<AgentTable>): string[] {
  if (policy === "sweetspotvm" && template.length === 0)
    return [
      "policy sweetspotvm needs a template: set HEADROOM_TEMPLATE or OVSB_TEMPLATE to a list such as 1.0,1.5,2.6",
    ];
  if ((policy === "slackvm" || policy === "vmstack") && template.length > 0)
    return [
      `policy ${policy} takes the ratio from each VM and knows no template: empty HEADROOM_TEMPLATE (OVSB_TEMPLATE), or use policy headroom or sweetspotvm`,
    ];
  return [];
}

function pcpuConflicts({ hostPcpus, excludedPcpus }: ValuesOf<AgentTable>): string[] {
  const hidden = hostPcpus.filter((id) => excludedPcpus.includes(id));
  return hidden.length === 0
    ? []
    : [`HEADROOM_HOST_PCPUS and HEADROOM_EXCLUDED_PCPUS both name pCPU ${hidden.join(", ")}: name it once`];
}

const memoryConflicts = ({ memoryRatio, balloon }: ValuesOf<AgentTable>): string[] =>
  memoryRatio > 1 && !balloon
    ? [
        `HEADROOM_MEMORY_RATIO ${memoryRatio} sells more memory than there is, which only the coordinator keeps safe: set HEADROOM_BALLOON=yes too`,
      ]
    : [];

const dynamicConflicts = ({ policy, dynamic, elastic }: ValuesOf<AgentTable>): string[] =>
  policy !== "headroom" && (dynamic || elastic !== "off")
    ? [`policy ${policy} keeps its pools as they are: HEADROOM_DYNAMIC and HEADROOM_ELASTIC are for policy headroom`]
    : [];

export const SCHEDULER_PROGRAM: Program<SchedulerTable> = {
  table: SCHEDULER_SETTINGS,
  section: "scheduler",
  conflicts: (settings) => [...tlsConflicts(settings), ...silenceConflicts(settings), ...etcdConflicts(settings)],
};

function silenceConflicts({ heartbeatSeconds, suspectSeconds, downSeconds }: SchedulerSettings): string[] {
  const problems: string[] = [];
  if (suspectSeconds <= heartbeatSeconds)
    problems.push(
      `HEADROOM_SUSPECT_SECONDS (${suspectSeconds}) must be more than HEADROOM_HEARTBEAT_SECONDS or SCG_DELAY (${heartbeatSeconds}): a host between two heartbeats is not silent`,
    );
  if (downSeconds < suspectSeconds)
    problems.push(
      `HEADROOM_DOWN_SECONDS (${downSeconds}) must not be less than HEADROOM_SUSPECT_SECONDS (${suspectSeconds})`,
    );
  return problems;
}

function etcdConflicts({ etcdCertificate, etcdKey, etcdUser, etcdPassword }: SchedulerSettings): string[] {
  const problems: string[] = [];
  if ((etcdCertificate === null) !== (etcdKey === null))
    problems.push("HEADROOM_ETCD_CERTIFICATE and HEADROOM_ETCD_KEY go together: set both or none");
  if ((etcdUser === null) !== (etcdPassword === null))
    problems.push("HEADROOM_ETCD_USER and HEADROOM_ETCD_PASSWORD go together: set both or none");
  return problems;
}

export type ProbeTable = typeof PROBE_SETTINGS;
export type ProbeSettings = ValuesOf<ProbeTable>;

export const PROBE_PROGRAM: Program<ProbeTable> = {
  table: PROBE_SETTINGS,
  section: "probe",
  conflicts: tlsConflicts,
};

export type SampleStoreTable = typeof SAMPLE_STORE_SETTINGS;
export type SampleStoreSettings = ValuesOf<SampleStoreTable>;
type SampleStoreKind = Exclude<SampleStoreSettings["sampleStore"], "auto">;

/** What export, import and whoever else uses the sample store have in common. */
export const SAMPLES_PROGRAM: Program<SampleStoreTable> = {
  table: SAMPLE_STORE_SETTINGS,
  section: "samples",
  conflicts: sampleConflicts,
};

/** The store that "auto" stands for. */
export function sampleStoreOf({ sampleStore, influxdbUrl }: SampleStoreSettings): SampleStoreKind {
  if (sampleStore !== "auto") return sampleStore;
  return influxdbUrl === null ? "embedded" : "influxdb";
}

/** For every program whose table has the sample store's settings. */
export function sampleConflicts(settings: SampleStoreSettings): string[] {
  const { sampleDays, fineSampleDays, prometheusUrl, influxdbUrl, influxdbOrg, influxdbBucket } = settings;
  const problems: string[] = [];
  const isFlux = settings.influxdbDialect === "flux";
  if (fineSampleDays > sampleDays)
    problems.push(
      `HEADROOM_SAMPLE_FINE_DAYS (${fineSampleDays}) must not be more than HEADROOM_SAMPLE_DAYS (${sampleDays}): samples that are gone are not fine`,
    );
  const store = sampleStoreOf(settings);
  if (store === "prometheus" && prometheusUrl === null)
    problems.push("the sample store prometheus needs HEADROOM_PROMETHEUS_URL");
  if (store === "influxdb" && (influxdbUrl === null || influxdbBucket === null || (isFlux && influxdbOrg === null)))
    problems.push(
      `the sample store influxdb needs INFLUXDB_URL, INFLUXDB_BUCKET${isFlux ? " and INFLUXDB_ORG" : ""} (or the same with HEADROOM_ before)`,
    );
  return problems;
}

export type CollectorTable = typeof COLLECTOR_SETTINGS;
export type CollectorSettings = ValuesOf<CollectorTable>;

export const COLLECTOR_PROGRAM: Program<CollectorTable> = {
  table: COLLECTOR_SETTINGS,
  section: "collector",
  otherSections: ["samples"],
  conflicts: (settings) => [...tlsConflicts(settings), ...sampleConflicts(settings)],
};

export type EstimatorTable = typeof ESTIMATOR_SETTINGS;
export type EstimatorSettings = ValuesOf<EstimatorTable>;

export const ESTIMATOR_PROGRAM: Program<EstimatorTable> = {
  table: ESTIMATOR_SETTINGS,
  section: "estimator",
  otherSections: ["samples"],
  conflicts: (settings) => [
    ...tlsConflicts(settings),
    ...sampleConflicts(settings),
    ...scopeConflicts(settings),
    ...openstackConflicts(settings),
  ],
};

function scopeConflicts({ windowSeconds, scopeSeconds }: EstimatorSettings): string[] {
  if (scopeSeconds === null || scopeSeconds % windowSeconds === 0) return [];
  return [
    `HEADROOM_ESTIMATE_SCOPE_SECONDS or SCHED_SCOPE_S (${scopeSeconds}) must be a multiple of HEADROOM_ESTIMATE_WINDOW_SECONDS or SCHED_SCOPE_SLICE_S (${windowSeconds})`,
  ];
}

function openstackConflicts(settings: EstimatorSettings): string[] {
  const { openstackAuthUrl, openstackPlacementUrl, openstackToken, openstackUser, openstackPassword } = settings;
  const { openstackCredentialId, openstackCredentialSecret } = settings;
  const problems: string[] = [];
  const hasPassword = openstackUser !== null && openstackPassword !== null;
  const hasCredential = openstackCredentialId !== null && openstackCredentialSecret !== null;
  if (openstackAuthUrl !== null && !hasPassword && !hasCredential)
    problems.push(
      "HEADROOM_OPENSTACK_AUTH_URL or OS_AUTH_URL needs a user and a password, or an application credential and its secret",
    );
  if (openstackPlacementUrl !== null && openstackAuthUrl === null && openstackToken === null)
    problems.push(
      "HEADROOM_OPENSTACK_PLACEMENT_URL needs Keystone (OS_AUTH_URL), or HEADROOM_OPENSTACK_TOKEN without it",
    );
  for (const resource of ["Cpu", "Memory"] as const) {
    const [least, most] = [settings[`openstack${resource}Least`], settings[`openstack${resource}Most`]];
    const name = `HEADROOM_OPENSTACK_${resource.toUpperCase()}`;
    if (least > most) problems.push(`${name}_LEAST (${least}) must not be more than ${name}_MOST (${most})`);
  }
  return problems;
}

/** Other programs than the agent, each with its section. */
const SECTIONED = [SCHEDULER_PROGRAM, PROBE_PROGRAM, COLLECTOR_PROGRAM, ESTIMATOR_PROGRAM, SAMPLES_PROGRAM] as const;

/** Names in the environment of every program's settings: what one knows is no mistake where another runs. */
export const ALL_NAMES: readonly string[] = [AGENT_PROGRAM, ...SECTIONED].flatMap(({ table }) =>
  Object.values<Setting<unknown>>(table).flatMap(({ names }) => names),
);

/** Keys of a config file that are sections. */
export const SECTIONS: readonly string[] = SECTIONED.flatMap(({ section }) => section ?? []);

/** What stands at the top of a config file and counts for the program too. */
export const isShared = (key: string, table: SettingsTable): boolean => {
  const agents: SettingsTable = AGENT_SETTINGS;
  return table[key] !== undefined && table[key] === agents[key];
};
