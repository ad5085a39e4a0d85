/** The seeds' calls (spec 2.1) in the seeds' words and units: `cpu`, `mem` in GB, `oc`, `qcow2`. Keys and shapes are theirs. */
import { z } from "zod";
import { named } from "./names.js";
import { decimalText, imagePath, isRatio, MAX_MEMORY_MIB, vmName, wholeText } from "./requests.js";

const MIB_PER_GB = 1024;
const CPU_RULE = "a whole number from 1 to the host's pCPUs";
const MEM_RULE = "GB as a decimal above 0, such as 2 or 0.5";
const OC_RULE = "a decimal from 1 to the host's maximum, with at most six decimals, such as 1.0 or 2.6";

const cpu = wholeText(CPU_RULE, 65_536);
/** The seeds' GB are 1024 MB of libvirt's kind; whole MiB, as libvirt wants them. */
const mem = decimalText(MEM_RULE)
  .transform((gigabytes) => Math.round(gigabytes * MIB_PER_GB))
  .refine((value) => value >= 1 && value <= MAX_MEMORY_MIB, MEM_RULE);
const oc = decimalText(OC_RULE).refine(isRatio, OC_RULE).optional();

export const seedDeployQuery = z.strictObject({ name: vmName, cpu, mem, oc, qcow2: imagePath });
export const seedRemoveQuery = z.strictObject({ name: vmName });
export const seedProgressQuery = z.strictObject({ cpu, mem, oc });

const poolStatus = z.object({ pcap: z.number(), palloc: z.number(), vavail: z.number(), vpotential: z.number() });
const resourceStatus = z.object({ avail: z.number(), subset: z.record(z.string(), poolStatus) });
export const seedStatusAnswer = named(
  "SeedStatus",
  "Pools and free resources, as the earlier systems answered. `mem` is in MiB.",
  z.object({ cpu: resourceStatus, mem: resourceStatus }),
);
export const seedOutcome = named(
  "SeedOutcome",
  "Outcome of a deploy or remove, as the earlier systems answered.",
  z.object({ success: z.boolean(), reason: z.string().nullable() }),
);
export const seedNames = z.array(z.string());
export const seedProgress = z.object({ progress: z.number() });
