/**
 * Scheduling times of a process as the sum of all its threads, that does not go back when a thread ends: a kernel forgets a
 * thread's times with the thread, and QEMU's threads for disks come and go. What ended between two looks counts as far as it was
 * seen. Linux' sched-stats.rst: time on a pCPU, time of waiting for one, timeslices.
 */

export type ThreadTimes = readonly [runtimeNs: number, waittimeNs: number, timeslices: number];

export class ProcessTimes {
  #alive: ReadonlyMap<string, ThreadTimes> = new Map();
  #ended: ThreadTimes = [0, 0, 0];

  /** The threads that there are now, by id; gives the sums. */
  update(threads: ReadonlyMap<string, ThreadTimes>): ThreadTimes {
    for (const [id, was] of this.#alive) {
      const is = threads.get(id);
      // An id that was given to another thread counts from zero.
      if (is === undefined || is[0] < was[0]) this.#ended = plus(this.#ended, was);
    }
    this.#alive = threads;
    return [...threads.values()].reduce(plus, this.#ended);
  }
}

const plus = (a: ThreadTimes, b: ThreadTimes): ThreadTimes => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];

/** `/proc/PID/task/TID/schedstat`; null where the kernel keeps none. */
export function readSchedstat(text: string | null): ThreadTimes | null {
  const match = /^(\d+) (\d+) (\d+)\s*$/.exec(text ?? "");
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3])];
}
