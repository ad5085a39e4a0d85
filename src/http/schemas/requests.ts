/**
 * What `/v1` accepts (spec 2.2, input rules), host-independent part: shapes, names, bounds that hold anywhere. What depends
 * on the host (its pCPUs, its ratios, its image folders) is in host-rules.ts. Each schema's error text says what is allowed.
 */
import { z } from "zod";
import { exactRatioProblem } from "../../core/pool/exact-ratio.js";
import { named } from "./names.js";

export const NAME_RULE = "1 to 63 letters, digits, '.', '_' or '-', the first one a letter or digit";
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
export const vmName = z
  .string(NAME_RULE)
  .regex(NAME, NAME_RULE)
  .meta({ description: `Name of the VM: ${NAME_RULE}` });

/** Linux knows at most 8192 pCPUs; the host's own number is checked besides. */
const MAX_VCPUS = 65_536;
/** 1 PiB: far above any host, far below where doubles lose whole MiB. */
export const MAX_MEMORY_MIB = 2 ** 30;

const VCPUS_RULE = "a whole number from 1 to the host's pCPUs";
export const vcpus = z.int(VCPUS_RULE).min(1, VCPUS_RULE).max(MAX_VCPUS, VCPUS_RULE);

const MEMORY_RULE = `a whole number of MiB from 1 to ${MAX_MEMORY_MIB}`;
export const memoryMiB = z.int(MEMORY_RULE).min(1, MEMORY_RULE).max(MAX_MEMORY_MIB, MEMORY_RULE);

export const RATIO_RULE = "a number from 1 to the host's maximum, with at most six decimals";
/** Of exact fractions; the operator's maximum is checked besides. */
const MAX_RATIO = 1000;
export const isRatio = (value: number): boolean => value >= 1 && exactRatioProblem(value) === null;
export const vmRatio = z.number(RATIO_RULE).min(1, RATIO_RULE).max(MAX_RATIO, RATIO_RULE).refine(isRatio, RATIO_RULE);

export const IMAGE_RULE = "an absolute, normalised path below one of the configured image folders";
/** PATH_MAX of Linux. */
const MAX_PATH = 4096;
export const imagePath = z.string(IMAGE_RULE).min(1, IMAGE_RULE).max(MAX_PATH, IMAGE_RULE);

const RESTART_RULE = "true or false";

export const createVmBody = named(
  "CreateVm",
  "A VM to deploy.",
  z.strictObject({
    name: vmName,
    vcpus,
    memoryMiB,
    ratio: vmRatio.optional().meta({
      description: "Allocation ratio. Needed, unless the host's per-vCPU template decides; then it is refused",
    }),
    image: imagePath.nullish().meta({ description: "Disk image (qcow2); null or absent: no disk" }),
  }),
);

export const resizeVmBody = named(
  "ResizeVm",
  "The new size of a VM; what is absent stays.",
  z.strictObject({
    vcpus: vcpus.optional(),
    memoryMiB: memoryMiB.optional(),
    ratio: vmRatio.optional(),
    restart: z
      .boolean(RESTART_RULE)
      .optional()
      .meta({ description: "Allow a stop and start where the guest needs one" }),
  }),
);

export const explainBody = named(
  "ExplainPlacement",
  "A VM that is asked about, not deployed.",
  z.strictObject({
    name: vmName.optional().meta({ description: "Absent: any free name" }),
    vcpus,
    memoryMiB,
    ratio: vmRatio.optional(),
  }),
);

export const nameParams = z.strictObject({ name: vmName });

const HOST_RULE = "the id of a host, as GET /v1/hosts gives it";
export const hostParams = z.strictObject({ id: z.string(HOST_RULE).min(1, HOST_RULE).max(255, HOST_RULE) });
export const hostQuery = z.strictObject({ host: z.string(HOST_RULE).min(1, HOST_RULE).max(255, HOST_RULE).optional() });
export const codeParams = z.strictObject({ code: z.string().regex(/^[a-z-]{1,64}$/, "a code such as name-taken") });
export const noQuery = z.strictObject({});

const DECIMAL = /^(?:\d{1,12}(?:\.\d{0,12})?|\.\d{1,12})$/;
/** A decimal in a query string: digits and one point; no sign, exponent, NaN or infinity. */
export const decimalText = (rule: string) => z.string(rule).regex(DECIMAL, rule).transform(Number);
/** A whole number in a query string, at most `max`. */
export const wholeText = (rule: string, max: number) =>
  z
    .string(rule)
    .regex(/^\d{1,9}$/, rule)
    .refine((digits) => Number(digits) >= 1 && Number(digits) <= max, rule)
    .transform(Number);

export const PAGE_LIMIT = 1000;
const LIMIT_RULE = `a whole number from 1 to ${PAGE_LIMIT}`;
const POOL_RULE = "the allocation ratio of a pool, such as 2 or 1.5";
const CURSOR_RULE = "the `next` of an earlier page";

export const listVmsQuery = z.strictObject({
  host: hostQuery.shape.host,
  pool: decimalText(POOL_RULE).optional().meta({ description: "Only VMs with a vCPU in the pool of this ratio" }),
  limit: wholeText(LIMIT_RULE, PAGE_LIMIT)
    .optional()
    .meta({ description: `VMs per page; ${PAGE_LIMIT} when absent` }),
  cursor: z
    .string(CURSOR_RULE)
    .regex(/^[A-Za-z0-9_-]{1,96}$/, CURSOR_RULE)
    .optional(),
});

export type CreateVm = z.infer<typeof createVmBody>;
export type ResizeVm = z.infer<typeof resizeVmBody>;
export type ExplainPlacement = z.infer<typeof explainBody>;
export type ListVms = z.infer<typeof listVmsQuery>;
