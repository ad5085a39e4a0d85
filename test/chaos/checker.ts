/**
 * Did the cluster lose a VM? Decides, pure, from the history of all requests and answers, from the domains that hypervisors
 * really have, and from the records of the store: what is wrong, a finding each. The requests about one name are searched for
 * an order that explains them (test/scheduler/history.ts); the rest is counted. Trusts nothing that an agent or a scheduler says.
 */
import { checkHistory, type Operation, type State } from "../scheduler/history.js";

/** A request with its repetitions: one operation, from its first question to its last answer. */
export interface Request extends Operation {
  /** Of the VM, as the answer told; null: none was told. */
  uuid: string | null;
}

/** A domain as the hypervisor has it. */
export interface FoundDomain {
  readonly name: string;
  readonly uuid: string;
  readonly vcpus: number;
  readonly ratio: number | null;
  /** pCPUs of each vCPU. */
  readonly pins: readonly (readonly number[])[];
}

export interface FoundHost {
  readonly host: string;
  readonly pcpus: readonly number[];
  readonly domains: readonly FoundDomain[];
}

/** A VM's record in the store. */
export interface FoundRecord {
  readonly name: string;
  readonly host: string;
  readonly uuid: string | null;
  readonly phase: string;
  readonly vcpus: number;
  readonly requestId: string | null;
}

export interface Found {
  readonly hosts: readonly FoundHost[];
  readonly records: readonly FoundRecord[];
}

export type FindingKind =
  /** Acknowledged, not removed, and not there. */
  | "lost"
  /** On two hosts. */
  | "doubled"
  /** There, though its request was refused, or nobody asked for it. */
  | "refused-exists"
  /** There, though its removal was acknowledged. */
  | "removed-exists"
  /** Answers that cannot all be true, whatever exists now. */
  | "contradiction"
  /** Another VM than the one that was acknowledged. */
  | "exchanged"
  /** The store and the hosts tell differently. */
  | "record"
  | "over-ratio";

export interface Finding {
  readonly kind: FindingKind;
  /** VM or host. */
  readonly of: string;
  readonly message: string;
}

/** What is wrong; nothing: empty. */
export function findings(requests: readonly Request[], found: Found): Finding[] {
  const where = placesOf(found.hosts);
  return [
    ...doubled(where),
    ...unexplained(requests, found, where),
    ...exchanged(requests, found),
    ...recordsApart(found, where),
    ...found.hosts.flatMap(overRatio),
  ];
}

type Places = ReadonlyMap<string, readonly { readonly host: string; readonly domain: FoundDomain }[]>;

function placesOf(hosts: readonly FoundHost[]): Places {
  const places = new Map<string, { host: string; domain: FoundDomain }[]>();
  for (const { host, domains } of hosts)
    for (const domain of domains) places.set(domain.name, [...(places.get(domain.name) ?? []), { host, domain }]);
  return places;
}

const doubled = (where: Places): Finding[] =>
  [...where]
    .filter(([, places]) => places.length > 1)
    .map(([of, places]) => ({
      kind: "doubled",
      of,
      message: `${of} is on ${places.map(({ host }) => host).join(" and ")}`,
    }));

function unexplained(requests: readonly Request[], { records }: Found, where: Places): Finding[] {
  const byName = new Map<string, Request[]>();
  for (const request of requests) byName.set(request.vm, [...(byName.get(request.vm) ?? []), request]);
  const keys = new Map(records.map(({ name, requestId }) => [name, requestId]));
  const names = new Set([...byName.keys(), ...where.keys()]);
  return [...names].flatMap((name) => {
    const own = byName.get(name) ?? [];
    const domain = where.get(name)?.[0]?.domain;
    const end: State = domain === undefined ? null : { requestId: keys.get(name) ?? null, vcpus: domain.vcpus };
    const [message] = checkHistory(own, new Map([[name, end]]));
    return message === undefined ? [] : [{ kind: kindOf(own, end), of: name, message }];
  });
}

/** In a word, what an unexplained history comes to. */
function kindOf(own: readonly Request[], end: State): FindingKind {
  const settled = own.filter(({ outcome }) => outcome === "ok" || outcome === "gone");
  const last = settled.toSorted((a, b) => (a.answered ?? 0) - (b.answered ?? 0)).at(-1);
  if (end === null) return last?.kind === "deploy" ? "lost" : "contradiction";
  if (last?.kind === "remove") return "removed-exists";
  const made = own.find(({ kind, requestId }) => kind === "deploy" && requestId === end.requestId);
  return made === undefined || made.outcome === "refused" ? "refused-exists" : "contradiction";
}

/** The VM that was acknowledged is the VM that is there, and not one that was made anew in its place. */
function exchanged(requests: readonly Request[], { records }: Found): Finding[] {
  const held = new Map(records.map((record) => [record.requestId, record]));
  return requests.flatMap(({ kind, outcome, requestId, uuid, vm }) => {
    const record = held.get(requestId);
    if (kind !== "deploy" || outcome !== "ok" || record === undefined || record.uuid === uuid) return [];
    return [{ kind: "exchanged", of: vm, message: `${vm} was acknowledged as ${uuid} and is ${record.uuid} now` }];
  });
}

function recordsApart({ records }: Found, where: Places): Finding[] {
  const apart: Finding[] = [];
  const tell = (of: string, message: string): void => void apart.push({ kind: "record", of, message });
  const known = new Map(records.map((record) => [record.name, record]));
  for (const { name, host, uuid, phase, vcpus } of records) {
    const place = where.get(name)?.find((one) => one.host === host);
    if (phase !== "placed") tell(name, `the record of ${name} is still ${phase}`);
    else if (place === undefined) tell(name, `the record places ${name} on ${host}, which has none`);
    else if (place.domain.uuid !== uuid) tell(name, `the record of ${name} has uuid ${uuid}, ${host} another one`);
    else if (place.domain.vcpus !== vcpus) tell(name, `the record of ${name} has another size than ${host}`);
  }
  for (const [name, places] of where)
    if (!known.has(name)) tell(name, `${places.map(({ host }) => host).join(", ")} has ${name}, the store no record`);
  return apart;
}

/**
 * Pools as the pins show them: VMs of one ratio share the union of their pCPUs, which is theirs alone, and holds all of their
 * vCPUs; no VM is oversubscribed with itself.
 */
function overRatio({ host, pcpus, domains }: FoundHost): Finding[] {
  const over: Finding[] = [];
  const tell = (message: string): void =>
    void over.push({ kind: "over-ratio", of: host, message: `${host}: ${message}` });
  const usable = new Set(pcpus);
  const owners = new Map<number, number | null>();
  for (const [ratio, members] of poolsOf(domains)) {
    const pool = new Set(members.flatMap(({ pins }) => pins.flat()));
    const vcpus = members.reduce((sum, one) => sum + one.vcpus, 0);
    if (ratio !== null && vcpus > ratio * pool.size) tell(`${vcpus} vCPUs at ratio ${ratio} on ${pool.size} pCPUs`);
    for (const pcpu of pool) {
      if (!usable.has(pcpu)) tell(`pCPU ${pcpu} is not the host's to give`);
      if (owners.has(pcpu)) tell(`pCPU ${pcpu} is in the pools of ${owners.get(pcpu)} and ${ratio}`);
      owners.set(pcpu, ratio);
    }
    for (const { name, vcpus: own, pins } of members)
      if (new Set(pins.flat()).size < own) tell(`${name} has ${own} vCPUs on ${new Set(pins.flat()).size} pCPUs`);
  }
  return over;
}

function poolsOf(domains: readonly FoundDomain[]): ReadonlyMap<number | null, readonly FoundDomain[]> {
  const pools = new Map<number | null, FoundDomain[]>();
  for (const domain of domains) pools.set(domain.ratio, [...(pools.get(domain.ratio) ?? []), domain]);
  return pools;
}
