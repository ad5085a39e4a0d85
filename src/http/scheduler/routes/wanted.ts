/** From what a client sends to what the scheduler is asked. Throws `RequestError` naming the wrong fields. */
import { mib, ratio } from "../../../core/units.js";
import type { ClusterDeploy, Constraints } from "../../../scheduler/service.js";
import { checkAgainstHost, type FieldNames, type VmInput } from "../../host-rules.js";
import { fieldsError } from "../../problem.js";
import type { SchedulerContext } from "../context.js";
import type { CreateClusterVm } from "../schemas/requests.js";

/** The hosts' templates may decide on the ratio, so it is never needed here: a host without a template then refuses. */
export function checkInput(context: SchedulerContext, input: VmInput, names: FieldNames): void {
  const errors = checkAgainstHost(input, context.rules, names, false);
  if (errors.length > 0) throw fieldsError(errors);
}

/** Of a VM that has no name yet. No VM can have it: names begin with a letter or digit. */
const NO_NAME = "-";

type Wanted = Omit<CreateClusterVm, "name"> & { readonly name?: string | undefined };

export function deployOf(wanted: Wanted, requestId?: string): ClusterDeploy {
  return {
    name: wanted.name ?? NO_NAME,
    vcpus: wanted.vcpus,
    memoryMiB: mib(wanted.memoryMiB),
    ratio: wanted.ratio === undefined ? null : ratio(wanted.ratio),
    image: wanted.image ?? null,
    ...(wanted.constraints === undefined ? {} : { constraints: constraintsOf(wanted.constraints) }),
    ...(requestId === undefined ? {} : { requestId }),
  };
}

function constraintsOf({ labels, antiAffinity, hosts }: NonNullable<Wanted["constraints"]>): Constraints {
  return {
    ...(labels === undefined ? {} : { labels }),
    ...(antiAffinity === undefined ? {} : { antiAffinity }),
    ...(hosts === undefined ? {} : { hosts }),
  };
}
