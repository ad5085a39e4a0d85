/**
 * The allocation ratio that an estimate asks of an inventory in OpenStack Placement, whose capacity is (total - reserved) * ratio. The
 * capacity is to be what is allocated and what is free beside the predicted peak: whoever comes next may use all of its size at once.
 * Bounded, moved by a step at most, and never lowered below what is allocated already. Pure.
 */

export interface Inventory {
  readonly total: number;
  readonly reserved: number;
  readonly allocationRatio: number;
}

export interface RatioBounds {
  readonly least: number;
  readonly most: number;
  /** Up or down, at once. */
  readonly largestStep: number;
}

export interface Demand {
  /** Predicted peak, in the inventory's unit; what is booked where the estimate is withheld. */
  readonly need: number;
  /** Sizes of the VMs that the estimate knows. */
  readonly booked: number;
  /** Allocated in Placement. */
  readonly used: number;
}

/** Ratios are written with four decimals. */
const GRID = 1e4;
/** Databases may keep ratios as single floats: the floor stands this much above what is allocated. */
const GUARD = 1 + 1e-6;
/** A smaller change is not worth a write that makes schedulers try anew. */
const SMALLEST = 0.005;

/** The next ratio; the present one where nothing is to change. */
export function nextAllocationRatio(
  { total, reserved, allocationRatio: now }: Inventory,
  { need, booked, used }: Demand,
  { least, most, largestStep }: RatioBounds,
): number {
  const net = total - reserved;
  if (net <= 0) return now;
  // Those that the estimate does not know (new, or stopped) may use all of their size.
  const unknown = Math.max(0, used - booked);
  const free = Math.max(0, net - need - unknown);
  const wanted = Math.min(most, Math.max(least, (used + free) / net));
  const stepped = Math.min(now + largestStep, Math.max(now - largestStep, wanted));
  const next = Math.round(stepped * GRID) / GRID;
  if (next >= now) return next - now < SMALLEST ? now : next;
  const floor = Math.ceil(((used * GUARD) / net) * GRID) / GRID;
  const lowered = Math.max(next, floor);
  return now - lowered < SMALLEST ? now : lowered;
}
