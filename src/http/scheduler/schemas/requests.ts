/** What the scheduler's `/v1` accepts beside what an agent does: constraints, lists of a cluster, and what agents report. */
import { z } from "zod";
import { named } from "../../schemas/names.js";
import { hostReport, labels, machineId } from "../../schemas/report.js";
import { createVmBody, explainBody, hostParams, listVmsQuery, PAGE_LIMIT, wholeText } from "../../schemas/requests.js";
import { clusterVmStates, hostStates } from "./states.js";

const GROUP_RULE = "a group's name of 1 to 63 letters, digits, '.', '_' or '-'";
const HOSTS_RULE = "a list of 1 to 1000 host ids";

export const constraints = named(
  "Constraints",
  "Where a VM may go, beyond what it needs.",
  z.strictObject({
    labels: labels.optional().meta({ description: "Labels that the host must have, with these values" }),
    antiAffinity: z
      .string(GROUP_RULE)
      .regex(/^[A-Za-z0-9._-]{1,63}$/, GROUP_RULE)
      .optional()
      .meta({ description: "VMs of the same group are on different hosts" }),
    hosts: z
      .array(hostParams.shape.id, HOSTS_RULE)
      .min(1, HOSTS_RULE)
      .max(1000, HOSTS_RULE)
      .optional()
      .meta({ description: "Only these hosts" }),
  }),
);

export const createClusterVmBody = named(
  "CreateClusterVm",
  "A VM to deploy somewhere in the cluster.",
  createVmBody.extend({ constraints: constraints.optional() }),
);

export const explainClusterBody = named(
  "ExplainClusterPlacement",
  "A VM that is asked about, not deployed.",
  explainBody.extend({ image: createVmBody.shape.image, constraints: constraints.optional() }),
);

export const listClusterVmsQuery = listVmsQuery.extend({
  state: z
    .enum(clusterVmStates, `one of ${clusterVmStates.join(", ")}`)
    .optional()
    .meta({ description: "Only VMs in this state" }),
});

const FRESH_RULE = "true or false";
export const showVmQuery = z.strictObject({
  fresh: z
    .enum(["true", "false"], FRESH_RULE)
    .transform((word) => word === "true")
    .optional()
    .meta({ description: "Asks its host for its view as of now: pins and usage (the leader does)" }),
});

const CURSOR_RULE = "the `next` of an earlier page";
/** Base64url of a host id of 255 characters. */
const cursor = z
  .string(CURSOR_RULE)
  .regex(/^[A-Za-z0-9_-]{1,512}$/, CURSOR_RULE)
  .optional();
const LIMIT_RULE = `a whole number from 1 to ${PAGE_LIMIT}`;
const limit = wholeText(LIMIT_RULE, PAGE_LIMIT)
  .optional()
  .meta({ description: `Hosts per page; ${PAGE_LIMIT} when absent` });

export const listHostsQuery = z.strictObject({
  state: z
    .enum(hostStates, `one of ${hostStates.join(", ")}`)
    .optional()
    .meta({ description: "Only hosts in this state" }),
  limit,
  cursor,
});
export const listPoolsQuery = z.strictObject({ host: hostParams.shape.id.optional(), limit, cursor });

const URL_RULE = "an http or https URL of an agent, without query";
const agentUrl = z
  .string(URL_RULE)
  .max(1024, URL_RULE)
  .refine((text) => isBareUrl(text), URL_RULE);

function isBareUrl(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : null;
  return (
    url !== null &&
    ["http:", "https:"].includes(url.protocol) &&
    url.search === "" &&
    url.hash === "" &&
    url.username === "" &&
    url.password === ""
  );
}

const AT_RULE = "milliseconds since the epoch";
const unixMs = z.number(AT_RULE).min(0, AT_RULE).meta({ description: "The host's wall clock, ms since the epoch" });

export const registerBody = named(
  "Registration",
  "An agent announces its host, with the whole report.",
  z.strictObject({
    url: agentUrl.meta({ description: "Where the agent is reached from the schedulers" }),
    at: unixMs,
    report: hostReport,
  }),
);

const TAG_RULE = "instance/generation of the host's present state";
export const heartbeatBody = named(
  "Heartbeat",
  "A host is alive and unchanged, or has another tag.",
  z.strictObject({
    machineId,
    tag: z
      .string(TAG_RULE)
      .regex(/^[\x21-\x7e]{1,192}$/, TAG_RULE)
      .meta({ description: TAG_RULE }),
    at: unixMs,
  }),
);

const DRY_RUN_RULE = "1: only tell what would be done";
export const adoptQuery = z.strictObject({
  dryRun: z.literal("1", DRY_RUN_RULE).optional().meta({ description: DRY_RUN_RULE }),
});

export type ListClusterVms = z.infer<typeof listClusterVmsQuery>;
export type CreateClusterVm = z.infer<typeof createClusterVmBody>;
export type ExplainClusterPlacement = z.infer<typeof explainClusterBody>;
