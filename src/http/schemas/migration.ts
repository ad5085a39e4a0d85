/** What schedulers ask of agents when a VM moves from one host to another. */
import { z } from "zod";
import { MAX_PCPU_ID, parseCpuSet } from "../../core/cpuset.js";
import { named } from "./names.js";
import { MAX_MEMORY_MIB, vcpus, vmName, vmRatio } from "./requests.js";
import { uuid } from "./scheduler-calls.js";

const MEMORY_RULE = `a number of MiB above 0 and at most ${MAX_MEMORY_MIB}`;

export const receiveVmBody = named(
  "ReceiveVm",
  "A VM of another host, for which room is to be reserved.",
  z.strictObject({
    name: vmName,
    uuid,
    vcpus,
    memoryMiB: z.number(MEMORY_RULE).positive(MEMORY_RULE).max(MAX_MEMORY_MIB, MEMORY_RULE),
    ratio: vmRatio.optional().meta({ description: "Absent where the host's per-vCPU template decides" }),
  }),
);

const ADDRESS_RULE = "an address of a hypervisor, of 1 to 512 visible ASCII characters";
const SET_RULE = `a CPU set such as 0-3,8, of ids up to ${MAX_PCPU_ID}`;
/** Of a VM: as many as vCPUs. */
const MOST_SETS = 65_536;

function isCpuSet(text: string): boolean {
  try {
    return parseCpuSet(text).length > 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

export const sendVmBody = named(
  "SendVm",
  "Where a VM is to be handed over, and what it is pinned to there.",
  z.strictObject({
    address: z
      .string(ADDRESS_RULE)
      .regex(/^[\x21-\x7e]{1,512}$/, ADDRESS_RULE)
      .meta({ description: "`migrationAddress` of the other host" }),
    pins: z
      .array(z.string(SET_RULE).max(4096, SET_RULE).refine(isCpuSet, SET_RULE))
      .min(1)
      .max(MOST_SETS)
      .meta({ description: "The CPU set of each vCPU, as the other host gave them with the room" }),
  }),
);
