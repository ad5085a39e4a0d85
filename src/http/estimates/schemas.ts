/** Estimates as `/v1` tells them and takes them, the same from the estimator and from schedulers. */
import { z } from "zod";
import type { ResourceEstimate } from "../../core/estimator/online/host-estimator.js";
import type { HostEstimate } from "../../ports/estimates.js";
import { named, type Wire } from "../schemas/names.js";
import { PAGE_LIMIT, wholeText } from "../schemas/requests.js";

const amount = z.number().min(0);
const unixMs = z.number().meta({ description: "Milliseconds since the epoch" });

const resourceEstimate = named(
  "ResourceEstimate",
  "What is estimated of one resource of a host: CPU in pCPUs, memory in MiB.",
  z.object({
    capacity: amount,
    booked: amount.meta({ description: "Sizes of the VMs that were there" }),
    need: z
      .number()
      .nullable()
      .meta({ description: "Predicted peak until the end of the horizon; null: withheld, go by what is booked" }),
    free: amount.meta({ description: "Capacity less the need; less what is booked where that is withheld" }),
    peak: z.number().nullable().meta({ description: "Largest reading of the last window; null: there was none" }),
    stable: z.boolean(),
    samples: z.int().min(0).meta({ description: "Readings that it rests on" }),
    missing: z.number().min(0).max(1).meta({ description: "Share of the last window's readings that did not come" }),
    instead: z
      .enum(["no samples", "too few samples", "warming up"])
      .nullable()
      .meta({ description: "Why it is not the strategy's own word; null: it is" }),
  }) satisfies z.ZodType<Wire<ResourceEstimate>>,
);

const hostName = z.string().min(1).max(1024);

export const ESTIMATE_FIELDS = {
  host: hostName.meta({ description: "As the sample store knows the host" }),
  at: unixMs.meta({ description: "End of the window that was looked at: milliseconds since the epoch" }),
  horizonSeconds: z.number().min(1).meta({ description: "What it predicts, from `at` on" }),
  validUntil: unixMs.meta({ description: "From then on it is stale: milliseconds since the epoch" }),
  strategy: z.string().min(1).max(64),
  vms: z.int().min(0),
  cpu: resourceEstimate,
  memory: resourceEstimate,
};

export const estimateBody = z.strictObject(ESTIMATE_FIELDS) satisfies z.ZodType<Wire<HostEstimate>>;

export const estimateAnswer = named(
  "HostEstimate",
  "What a host is expected to need in the next window.",
  z.object({
    ...ESTIMATE_FIELDS,
    stale: z.boolean().meta({ description: "Another should have come: go by what is booked" }),
  }),
);
export type EstimateAnswer = z.infer<typeof estimateAnswer>;

export const estimatePage = named(
  "HostEstimatePage",
  "A page of estimates, by host.",
  z.object({ items: z.array(estimateAnswer), next: z.string().nullable() }),
);

export const estimateParams = z.strictObject({ id: hostName });

/** As it is answered. */
export const shownEstimate = (estimate: HostEstimate, now: number): EstimateAnswer => ({
  ...estimate,
  stale: now >= estimate.validUntil,
});

const LIMIT_RULE = `a whole number from 1 to ${PAGE_LIMIT}`;
const CURSOR_RULE = "the `next` of an earlier page";

export const listQuery = z.strictObject({
  limit: wholeText(LIMIT_RULE, PAGE_LIMIT)
    .optional()
    .meta({ description: `Estimates per page; ${PAGE_LIMIT} when absent` }),
  cursor: z
    .string(CURSOR_RULE)
    // Names of hosts may be addresses.
    .regex(/^[A-Za-z0-9_-]{1,8192}$/, CURSOR_RULE)
    .optional(),
});
