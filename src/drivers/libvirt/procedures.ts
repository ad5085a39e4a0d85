/**
 * Numbers of libvirt's wire protocol that Headroom uses. They are public facts of a stable interface (a number is never
 * reused); each was checked by watching what `virsh` sends to a real libvirtd (test/lab/wire-witness.test.ts).
 */

export const REMOTE_PROGRAM = 0x2000_8086;
export const REMOTE_VERSION = 1;

export const KEEPALIVE_PROGRAM = 0x6b65_6570;
export const KEEPALIVE_VERSION = 1;
export const KEEPALIVE = { ping: 1, pong: 2 } as const;

export const PROCEDURE = {
  connectOpen: 1,
  connectClose: 2,
  connectGetType: 3,
  connectGetVersion: 4,
  nodeGetInfo: 6,
  connectGetCapabilities: 7,
  domainCreate: 9,
  domainDefineXml: 11,
  domainDestroy: 12,
  domainGetXmlDesc: 14,
  domainGetVcpus: 20,
  domainLookupByName: 23,
  domainLookupByUuid: 24,
  domainPinVcpu: 26,
  domainResume: 28,
  domainShutdown: 33,
  connectGetHostname: 59,
  connectSupportsFeature: 60,
  authList: 66,
  authPolkit: 70,
  domainIsPersistent: 151,
  connectGetLibVersion: 157,
  domainAbortJob: 164,
  domainSetVcpusFlags: 199,
  domainGetVcpusFlags: 200,
  domainSetMemoryFlags: 204,
  domainGetState: 212,
  domainPinVcpuFlags: 225,
  nodeGetMemoryStats: 228,
  domainGetVcpuPinInfo: 230,
  domainUndefineFlags: 231,
  domainSetMetadata: 264,
  nodeGetCpuMap: 293,
  domainMigrateBegin3Params: 302,
  domainMigratePrepare3Params: 303,
  domainMigratePerform3Params: 305,
  domainMigrateFinish3Params: 306,
  domainMigrateConfirm3Params: 307,
  domainSetMemoryStatsPeriod: 308,
  domainEventCallbackRegisterAny: 316,
  domainEventCallbackLifecycle: 318,
  domainEventCallbackReboot: 319,
  connectGetAllDomainStats: 344,
} as const;
export type ProcedureName = keyof typeof PROCEDURE;

/** Optional abilities of a server, asked with connectSupportsFeature. */
export const FEATURE = { keepalive: 10, eventCallback: 14 } as const;

export const AUTH = { none: 0, sasl: 1, polkit: 2 } as const;

/** Which definition a change is for; 0 is the running one of an active domain, else the stored one. */
export const AFFECT = { current: 0, live: 1, config: 2 } as const;

/** Which XML of a domain: what runs where it runs; or what is stored, with its secrets, to be defined again; or either as another host is to get it. */
export const XML = { present: 0, stored: 1 | 2, migratable: 1 | 8, storedMigratable: 1 | 2 | 8 } as const;

/** Kinds of bulk statistics: asking for all of them (mask 0) doubles the time of the call. */
export const STATS = { state: 1, cpuTotal: 2, balloon: 4, vcpu: 8 } as const;
/** Do not wait for a domain whose QEMU monitor hangs: it gives what is known without it. */
export const STATS_NOWAIT = 0x2000_0000;

/** undefine: saved image, snapshot and checkpoint metadata and firmware variables go too; else libvirt refuses. */
export const UNDEFINE_EVERYTHING = 1 | 2 | 4 | 16;

/** live, persistDest, undefineSource, changeProtection, autoConverge: a busy guest is slowed down until its memory is across. */
export const MIGRATE = 1 | 8 | 16 | 256 | 8192;

/** Kind of metadata that is an element of one's own namespace. */
export const METADATA_ELEMENT = 2;

/** Kinds of events, each asked for by itself. */
export const EVENT = { lifecycle: 0, reboot: 1 } as const;

/** Error codes (`virErrorNumber`) that decisions depend on. */
export const SERVER_ERROR = {
  noSupport: 3,
  invalidArgument: 8,
  operationFailed: 9,
  rpc: 39,
  noDomain: 42,
  authFailed: 45,
  operationInvalid: 55,
  configUnsupported: 67,
  operationTimeout: 68,
  operationUnsupported: 84,
  authCancelled: 79,
  resourceBusy: 87,
  accessDenied: 88,
} as const;

/** A domain that does not run, or a hypervisor that has no such call, does not say where vCPUs ran. */
export const NO_PLACES = [SERVER_ERROR.operationInvalid, SERVER_ERROR.noSupport];
