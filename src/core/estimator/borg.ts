/**
 * `borg`: what is booked over 1.1, the fixed margin that Borg is said to have started from (Bashir et al., "Take it to the
 * Limit", EuroSys 2021, section 2). Safe and wasteful: it never looks at usage.
 */
import { type Estimator, FORGETFUL, justLevel } from "./estimator.js";

const OVERCOMMIT = 1.1;

export const createBorg = (): Estimator => ({
  ...FORGETFUL,
  restsOn: "booked",
  update: () => justLevel(Number.NaN),
  // VMs of little history count in full, whatever the margin.
  predict: (_signal, { booked, fresh }) => ({ need: (booked - fresh) / OVERCOMMIT + fresh, arithmetic: "decimal" }),
});
