/**
 * How the fake's scheduler shares pCPUs among vCPUs that want to run: which part of a second each gets, from what each
 * wants and which pCPUs it may use. After the idea of Linux' CFS: equal weights, work conserving, so that a vCPU which
 * wants less than its fair share gets all it wants and the rest is split evenly (max-min fairness, "water filling").
 *
 * vCPUs with equal CPU sets form a group. A group that overlaps no other is solved exactly. Groups that overlap (shared
 * pools, unpinned domains beside pinned ones) are approximated, as real load balancing is: their pCPUs are cut into atoms
 * (pCPUs in exactly the same groups), each group's demand is moved between its atoms, away from the crowded ones, for a
 * fixed number of rounds; then each atom is shared fairly by head, and what is left anywhere goes to whoever still wants it.
 *
 * Leaves out SMT slow-down, cache warmth, migration cost and queueing below full load.
 */
import { type CpuSet, formatCpuSet } from "../../core/cpuset.js";

/** Rounds of moving demand between atoms; loads differ by less than 1 % after about ten on the shapes that pools make. */
const BALANCING_ROUNDS = 16;

interface Group {
  readonly pcpus: CpuSet;
  /** Indexes of its vCPUs. */
  readonly members: readonly number[];
}

interface Atom {
  readonly capacity: number;
  /** Indexes into the cluster's groups. */
  readonly groups: readonly number[];
}

/** Groups that overlap one another, directly or through others. */
interface Cluster {
  readonly groups: readonly Group[];
  readonly atoms: readonly Atom[];
}

/** What does not change until a pin changes; built once, used for every step. */
export type ShareStructure = readonly Cluster[];

/** The structure of vCPUs whose CPU sets are `pins`, by index. Empty sets get nothing. */
export function shareStructure(pins: readonly CpuSet[]): ShareStructure {
  const groups = groupByCpuSet(pins);
  return clusterGroups(groups).map((members) => ({ groups: members, atoms: atomsOf(members) }));
}

/**
 * Writes to `granted` what each vCPU gets of one pCPU (0 to 1), given what it wants (0 to 1), both by index.
 */
export function shareFairly(structure: ShareStructure, wanted: Float64Array, granted: Float64Array): void {
  granted.fill(0);
  for (const cluster of structure) {
    if (cluster.groups.length === 1) {
      const group = cluster.groups[0]!;
      fillGroup(group.members, group.pcpus.length, wanted, granted);
    } else {
      shareCluster(cluster, wanted, granted);
    }
  }
}

function groupByCpuSet(pins: readonly CpuSet[]): Group[] {
  const byIdentity = new Map<CpuSet, number[]>();
  const byText = new Map<string, { pcpus: CpuSet; members: number[] }>();
  for (const [index, pcpus] of pins.entries()) {
    let members = byIdentity.get(pcpus);
    if (!members) {
      const text = formatCpuSet(pcpus);
      let group = byText.get(text);
      if (!group) {
        group = { pcpus, members: [] };
        byText.set(text, group);
      }
      members = group.members;
      byIdentity.set(pcpus, members);
    }
    members.push(index);
  }
  return [...byText.values()].filter((group) => group.pcpus.length > 0);
}

/** Connected components of "shares a pCPU with". */
function clusterGroups(groups: readonly Group[]): Group[][] {
  const parent = groups.map((_, index) => index);
  const root = (index: number): number => {
    let at = index;
    while (parent[at] !== at) at = parent[at]!;
    return at;
  };
  const firstOn = new Map<number, number>();
  for (const [index, group] of groups.entries()) {
    for (const pcpu of group.pcpus) {
      const other = firstOn.get(pcpu);
      if (other === undefined) firstOn.set(pcpu, index);
      else parent[root(index)] = root(other);
    }
  }
  const clusters = new Map<number, Group[]>();
  for (const [index, group] of groups.entries()) {
    const cluster = clusters.get(root(index));
    if (cluster) cluster.push(group);
    else clusters.set(root(index), [group]);
  }
  return [...clusters.values()];
}

function atomsOf(groups: readonly Group[]): Atom[] {
  const groupsOn = new Map<number, number[]>();
  for (const [index, group] of groups.entries()) {
    for (const pcpu of group.pcpus) {
      const on = groupsOn.get(pcpu);
      if (on) on.push(index);
      else groupsOn.set(pcpu, [index]);
    }
  }
  const atoms = new Map<string, { capacity: number; groups: number[] }>();
  for (const on of groupsOn.values()) {
    const key = on.join(",");
    const atom = atoms.get(key);
    if (atom) atom.capacity++;
    else atoms.set(key, { capacity: 1, groups: on });
  }
  return [...atoms.values()];
}

/** Water filling: everyone gets what it wants up to one common level, chosen so that the capacity is used up. */
function fillGroup(members: readonly number[], capacity: number, wanted: Float64Array, granted: Float64Array): void {
  let total = 0;
  for (const member of members) total += wanted[member]!;
  if (total <= capacity) {
    for (const member of members) granted[member] = wanted[member]!;
    return;
  }
  const ascending = Float64Array.from(members, (member) => wanted[member]!).sort();
  const level = waterLevel(ascending, capacity);
  for (const member of members) granted[member] = Math.min(wanted[member]!, level);
}

function waterLevel(ascending: Float64Array, capacity: number): number {
  let left = capacity;
  for (let i = 0; i < ascending.length; i++) {
    const share = left / (ascending.length - i);
    if (ascending[i]! > share) return share;
    left -= ascending[i]!;
  }
  return Number.POSITIVE_INFINITY;
}

function shareCluster({ groups, atoms }: Cluster, wanted: Float64Array, granted: Float64Array): void {
  const totals = groups.map((group) => group.members.reduce((sum, member) => sum + wanted[member]!, 0));
  const claims = balanceClaims(groups, atoms, totals);
  const received = new Float64Array(groups.length);
  const spare = atoms.map((atom, a) => grantAtom(atom, claims[a]!, totals, groups, received));
  for (const [a, atom] of atoms.entries()) {
    for (const g of atom.groups) {
      const more = Math.min(spare[a]!, totals[g]! - received[g]!);
      if (more <= 0) continue;
      received[g]! += more;
      spare[a]! -= more;
    }
  }
  for (const [g, group] of groups.entries()) fillGroup(group.members, received[g]!, wanted, granted);
}

/** Demand of each group on each atom (by position in `atom.groups`), moved towards equal load per pCPU. */
function balanceClaims(groups: readonly Group[], atoms: readonly Atom[], totals: readonly number[]): Float64Array[] {
  const claims = atoms.map((atom) =>
    Float64Array.from(atom.groups, (g) => (totals[g]! * atom.capacity) / groups[g]!.pcpus.length),
  );
  const sums = new Float64Array(groups.length);
  for (let round = 0; round < BALANCING_ROUNDS; round++) {
    sums.fill(0);
    for (const [a, atom] of atoms.entries()) {
      const claim = claims[a]!;
      let load = 0;
      for (const amount of claim) load += amount;
      if (load === 0) continue;
      for (let i = 0; i < claim.length; i++) {
        claim[i] = (claim[i]! * atom.capacity) / load;
        sums[atom.groups[i]!]! += claim[i]!;
      }
    }
    for (const [a, atom] of atoms.entries()) {
      const claim = claims[a]!;
      for (let i = 0; i < claim.length; i++) {
        const group = atom.groups[i]!;
        if (sums[group]! > 0) claim[i] = (claim[i]! * totals[group]!) / sums[group]!;
      }
    }
  }
  return claims;
}

/** Shares one atom among its groups, fairly by head (a group's heads split over atoms as its claims do); gives the rest. */
function grantAtom(
  atom: Atom,
  claim: Float64Array,
  totals: readonly number[],
  groups: readonly Group[],
  received: Float64Array,
): number {
  const heads = atom.groups.map((g, i) => (totals[g]! > 0 ? (groups[g]!.members.length * claim[i]!) / totals[g]! : 0));
  const order = atom.groups.map((_, i) => i).filter((i) => heads[i]! > 0);
  order.sort((a, b) => claim[a]! / heads[a]! - claim[b]! / heads[b]!);
  let left = atom.capacity;
  let headsLeft = order.reduce((sum, i) => sum + heads[i]!, 0);
  for (const i of order) {
    // The last one may take all that is left; heads that balancing made tiny can vanish from the sum before it.
    const share = headsLeft > heads[i]! ? (left * heads[i]!) / headsLeft : left;
    const given = Math.min(claim[i]!, share);
    received[atom.groups[i]!]! += given;
    left -= given;
    headsLeft -= heads[i]!;
  }
  return Math.max(0, left);
}
