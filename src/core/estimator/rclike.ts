/**
 * `rclike`: the sum of each VM's own peak, after Resource Central (Cortez et al., SOSP 2017) as Bashir et al. (EuroSys 2021)
 * rebuilt it: a VM of a full history counts with its p99 of CPU and its largest memory, never more than its size, any other
 * with its size. A sum of peaks is never below the peak of the sum, so it is safe, and the wider the more VMs there are.
 * The peaks themselves are taken VM by VM (vm-track.ts). The seed takes cores for a share of the VM and multiplies by its
 * vCPUs; the faithful form does too.
 */
import { type Estimator, FORGETFUL, justLevel } from "./estimator.js";

export const createRclike = (): Estimator => ({
  ...FORGETFUL,
  restsOn: "peaks",
  update: () => justLevel(Number.NaN),
  predict: (_signal, { peaks, arithmetic }) => ({ need: peaks, arithmetic }),
});
