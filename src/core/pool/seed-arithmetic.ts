/**
 * How many pCPUs a pool needs, in the doubles of the seeds and in their order of operations (spec 1.3: growth needed,
 * shrinking). With ratios such as 2.6 `floor` errs in some cases (cap 7, allocated 0 leaves a pCPU behind); recorded states
 * depend on it, so the faithful policies keep it. The exact form, for `headroom`, is in exact-ratio.ts.
 */

/** vCPUs that still fit: `cap * r - allocated`. */
export const seedAvailable = (pcpus: number, ratio: number, allocated: number): number => pcpus * ratio - allocated;

/**
 * pCPUs that a pool must gain before `request` vCPUs fit. `minimum`: pCPUs that it must have at the end, so that no VM is
 * oversubscribed with itself.
 */
export function seedGrowth(pcpus: number, ratio: number, allocated: number, request: number, minimum: number): number {
  const missing = request - seedAvailable(pcpus, ratio, allocated);
  const grow = missing > 0 ? Math.ceil(missing / ratio) : 0;
  return pcpus + grow < minimum ? grow + (minimum - (pcpus + grow)) : grow;
}

/** pCPUs that a pool would give back now; `largest`: vCPUs of its largest VM. */
export function seedUnused(pcpus: number, ratio: number, allocated: number, largest: number): number {
  const unused = Math.floor(seedAvailable(pcpus, ratio, allocated) / ratio);
  // Below zero where an effective ratio fell (vmstack): such a pool has nothing to give.
  if (pcpus - unused < largest) return Math.max(0, pcpus - largest);
  return Math.max(0, unused);
}
