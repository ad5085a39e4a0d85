/**
 * The best host for a VM: for every need that is asked for, the hosts' scores are kept, and only those are scored again that changed
 * since it was last asked. Among many hosts the scores play a tournament. Equals what a look at each host finds, the first of equals. A
 * need that few VMs have keeps nothing: looking at each host costs less.
 */
import { BLOCK, CHANGES, type Hosts, lowestBit } from "./hosts.js";
import type { VmColumns } from "./model.js";

/** How good the host, which fits, is for a VM of that need; higher is better. */
export type Score = (need: number, host: number) => number;

const DOES_NOT_FIT = Number.NEGATIVE_INFINITY;

/** Scores are worth their memory where the VMs of the need, times this, are as many as the hosts. */
const WORTH_KEEPING = 16;
/** Among so few hosts the best score is found sooner than a tournament is kept up with. */
export const FEW_HOSTS = 128;
/** Of a workload whose scores of few hosts are kept: a quarter of a megabyte. */
const MOST_NEEDS = 256;

export class BestHosts {
  /** While there are few hosts: by need and host, as it was scored last; and the host's `lastChange` then, -1: never. */
  private scores = new Float64Array(0);
  private scoredAt = new Int32Array(0);
  private readonly tournaments: (Tournament | null)[];

  constructor(
    private readonly vms: VmColumns,
    private readonly hosts: Hosts,
    private readonly score: Score,
  ) {
    this.tournaments = new Array<Tournament | null>(vms.needs.count).fill(null);
  }

  /** -1: none takes it. */
  best(need: number): number {
    const { needs } = this.vms;
    const { open } = this.hosts;
    if (open <= FEW_HOSTS) return needs.count <= MOST_NEEDS ? this.bestOfFew(need) : this.bestOfAll(need);
    return needs.vms[need]! * WORTH_KEEPING < open ? this.bestOfAll(need) : this.tournamentOf(need).winner();
  }

  private tournamentOf(need: number): Tournament {
    let tournament = this.tournaments[need]!;
    if (tournament === null) {
      tournament = new Tournament(this.vms, need, this.hosts, this.score);
      this.tournaments[need] = tournament;
    }
    return tournament;
  }

  private bestOfFew(need: number): number {
    const { hosts, score } = this;
    const { lastChange, room, freeMemoryMiB, levels, takers, open } = hosts;
    const { needs } = this.vms;
    if (this.scores.length === 0) {
      this.scores = new Float64Array(needs.count * FEW_HOSTS);
      this.scoredAt = new Int32Array(needs.count * FEW_HOSTS).fill(-1);
    }
    const { scores, scoredAt } = this;
    const level = needs.level[need]!;
    const vcpus = needs.vcpus[need]!;
    const memoryMiB = needs.memoryMiB[need]!;
    const base = need * FEW_HOSTS;
    let best = -1;
    let highest = DOES_NOT_FIT;
    for (let first = 0; first < open; first += BLOCK)
      for (let bits = takers[first / BLOCK]!; bits !== 0; bits &= bits - 1) {
        const host = first + lowestBit(bits);
        if (host >= open) break;
        if (vcpus > room[host * levels + level]! || memoryMiB > freeMemoryMiB[host]!) continue;
        if (scoredAt[base + host] !== lastChange[host]) {
          scores[base + host] = score(need, host);
          scoredAt[base + host] = lastChange[host]!;
        }
        const each = scores[base + host]!;
        if (each > highest) {
          best = host;
          highest = each;
        }
      }
    return best;
  }

  private bestOfAll(need: number): number {
    const { hosts, score } = this;
    const { room, freeMemoryMiB, levels, takers, open } = hosts;
    const { needs } = this.vms;
    const level = needs.level[need]!;
    const vcpus = needs.vcpus[need]!;
    const memoryMiB = needs.memoryMiB[need]!;
    let best = -1;
    let highest = DOES_NOT_FIT;
    for (let first = 0; first < open; first += BLOCK)
      for (let bits = takers[first / BLOCK]!; bits !== 0; bits &= bits - 1) {
        const host = first + lowestBit(bits);
        if (host >= open) break;
        if (vcpus > room[host * levels + level]! || memoryMiB > freeMemoryMiB[host]!) continue;
        const each = score(need, host);
        if (each > highest) {
          best = host;
          highest = each;
        }
      }
    return best;
  }
}

class Tournament {
  /** Of hosts; a power of two. */
  private size = 0;
  private scores = new Float64Array(0);
  /** Of each match: the root is 1, the matches below m are 2m and 2m + 1, hosts stand behind them all. */
  private winners = new Int32Array(0);
  private seen = 0;

  private readonly level: number;
  private readonly vcpus: number;
  private readonly memoryMiB: number;

  constructor(
    { needs }: VmColumns,
    private readonly need: number,
    private readonly hosts: Hosts,
    private readonly score: Score,
  ) {
    this.level = needs.level[need]!;
    this.vcpus = needs.vcpus[need]!;
    this.memoryMiB = needs.memoryMiB[need]!;
    this.playAll();
  }

  winner(): number {
    const { hosts } = this;
    const { changes, changeCount, open } = hosts;
    const behind = changeCount - this.seen;
    // As many matches as there are hosts: playing all of them anew costs no more.
    if (open > this.size || behind > CHANGES || behind * 4 > this.size) this.playAll();
    else {
      for (let at = this.seen; at < changeCount; at++) {
        const host = changes[at % CHANGES]!;
        if (host < open) this.play(host, this.scoreOf(host));
      }
      this.seen = changeCount;
    }
    const first = this.winners[1]!;
    return this.scores[first] === DOES_NOT_FIT ? -1 : first;
  }

  private scoreOf(host: number): number {
    const fits = this.hosts.fits(host, this.level, this.vcpus, this.memoryMiB);
    return fits ? this.score(this.need, host) : DOES_NOT_FIT;
  }

  private play(host: number, score: number): void {
    const { scores, winners } = this;
    if (scores[host] === score) return;
    scores[host] = score;
    for (let match = (this.size + host) >> 1; match >= 1; match >>= 1) {
      const left = winners[2 * match]!;
      const right = winners[2 * match + 1]!;
      const winner = scores[left]! >= scores[right]! ? left : right;
      // Somebody else has won as before: nothing changes further on.
      if (winner === winners[match] && winner !== host) return;
      winners[match] = winner;
    }
  }

  private playAll(): void {
    const { hosts } = this;
    const { open } = hosts;
    if (open > this.size) {
      this.size = 2 ** Math.ceil(Math.log2(Math.max(2, open)));
      this.scores = new Float64Array(this.size).fill(DOES_NOT_FIT);
      this.winners = new Int32Array(2 * this.size);
    }
    const { size, scores, winners } = this;
    for (let host = 0; host < open; host++) scores[host] = this.scoreOf(host);
    for (let host = 0; host < size; host++) winners[size + host] = host;
    for (let match = size - 1; match >= 1; match--) {
      const left = winners[2 * match]!;
      const right = winners[2 * match + 1]!;
      winners[match] = scores[left]! >= scores[right]! ? left : right;
    }
    this.seen = hosts.changeCount;
  }
}
