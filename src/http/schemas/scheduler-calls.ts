/** What only schedulers ask of an agent: a VM by its uuid, the host's status with the answer, revocations. */
import { z } from "zod";
import type { Revocation } from "../../agent/service.js";
import { problemAnswer, vmAnswer } from "./answers.js";
import { named, type Wire } from "./names.js";
import { hostStatus } from "./report.js";
import { vmName } from "./requests.js";

const STATUS_RULE = "1: the answer carries the host's status as well";
const UUID_RULE = "the uuid of a VM, in small letters";

export const statusQuery = z.strictObject({
  status: z.literal("1", STATUS_RULE).optional().meta({ description: STATUS_RULE }),
});
export const uuid = z.string(UUID_RULE).regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/, UUID_RULE);
export const migrateQuery = statusQuery.extend({ uuid: uuid.meta({ description: "Only the VM with this uuid" }) });
export const vmStatusQuery = statusQuery.extend({
  uuid: uuid
    .optional()
    .meta({ description: "Only the VM with this uuid: another one that has the name meanwhile is left alone" }),
});

const ID_RULE = "the id of a request: the Idempotency-Key that it carries";
export const requestParams = z.strictObject({
  requestId: z.string(ID_RULE).regex(/^[\x21\x23-\x7e]{1,128}$/, ID_RULE),
});
export const revokeBody = named(
  "RevokeRequest",
  "What the request was about.",
  z.strictObject({ name: vmName.meta({ description: "Name of the VM that the request names" }) }),
);

const withStatus = {
  requestId: z.string().nullable().optional().meta({ description: "With `status=1`: of the request that made the VM" }),
  hostStatus: hostStatus.optional().meta({ description: "With `status=1`: the host, after the request" }),
};
export const vmWithStatus = named(
  "VmWithStatus",
  "A VM, and with `status=1` the host as it is now.",
  vmAnswer.extend(withStatus),
);
/** As it arrives at a scheduler. */
export const problemWithStatus = problemAnswer.extend({ hostStatus: hostStatus.optional() });

const revocation = z.object({
  outcome: z.enum(["done", "revoked"]).meta({
    description: "`done`: the request was carried out; `revoked`: it was not, and never will be, should it still come",
  }),
  vm: vmAnswer.nullable().meta({ description: "What exists under the name now" }),
}) satisfies z.ZodType<Wire<Revocation>>;
export const revocationAnswer = named(
  "Revocation",
  "What became of a request whose answer did not come.",
  revocation.extend(withStatus),
);
