/** Estimates as a scheduler takes them and tells them. */
import { z } from "zod";
import type { PastEstimate, Published } from "../../../scheduler/estimates.js";
import { ESTIMATE_FIELDS, estimateBody } from "../../estimates/schemas.js";
import { named, type Wire } from "../../schemas/names.js";

const MOST = 1000;
const LIST_RULE = `a list of 1 to ${MOST} estimates`;

export const publishBody = named(
  "PublishEstimates",
  "Estimates of hosts, the newest of each.",
  z.strictObject({ estimates: z.array(estimateBody, LIST_RULE).min(1, LIST_RULE).max(MOST, LIST_RULE) }),
);

export const publishedAnswer = named(
  "PublishedEstimates",
  "What became of published estimates.",
  z.object({
    taken: z.int().min(0).meta({ description: "Estimates of hosts of this cluster" }),
    unknown: z.array(z.string()).meta({ description: "Names that are no host's of this cluster" }),
  }) satisfies z.ZodType<Wire<Published>>,
);

export const clusterEstimateAnswer = named(
  "ClusterEstimate",
  "What a host of the cluster is expected to need, as it was published.",
  z.object({
    id: z.string().meta({ description: "The host's id in the cluster" }),
    ...ESTIMATE_FIELDS,
    ageSeconds: z.number().meta({ description: "Since the end of the window that was looked at" }),
    stale: z.boolean().meta({ description: "It counts as absent" }),
  }),
);

const pastResource = z.object({
  capacity: z.number(),
  booked: z.number(),
  need: z.number().nullable().meta({ description: "Predicted for the window that began then; null: withheld" }),
  peak: z.number().nullable().meta({ description: "Of the window that ended then" }),
});
export const estimateCourse = named(
  "EstimateCourse",
  "The last estimates of a host, the newest last.",
  z.object({
    items: z.array(
      z.object({
        at: z.number().meta({ description: "End of one window and begin of the next: milliseconds since the epoch" }),
        horizonSeconds: z.number(),
        strategy: z.string(),
        cpu: pastResource.meta({ description: "In pCPUs" }),
        memory: pastResource.meta({ description: "In MiB" }),
      }) satisfies z.ZodType<Wire<PastEstimate>>,
    ),
  }),
);
export type EstimateCourseAnswer = z.infer<typeof estimateCourse>;
export type ClusterEstimateAnswer = z.infer<typeof clusterEstimateAnswer>;
export type ClusterEstimatePage = z.infer<typeof clusterEstimatePage>;

export const clusterEstimatePage = named(
  "ClusterEstimatePage",
  "A page of estimates, by host id.",
  z.object({ items: z.array(clusterEstimateAnswer), next: z.string().nullable() }),
);
