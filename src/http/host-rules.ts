/**
 * The input rules that depend on the host (spec 2.2): vCPUs up to its pCPUs, ratios up to the operator's maximum, none
 * where a per-vCPU template decides, images below the configured folders. Pure; gives the wrong fields, each with what is
 * allowed. Whether the image exists is the agent's to say.
 */
import { posix } from "node:path";
import type { FieldError, FieldPlace } from "./problem.js";
import { IMAGE_RULE } from "./schemas/requests.js";
import { show } from "./validation.js";

export interface HostRules {
  readonly hostPcpus: number;
  readonly maximumRatio: number;
  readonly template: readonly number[] | null;
  readonly imageFolders: readonly string[];
}

export interface VmInput {
  readonly vcpus?: number | undefined;
  readonly ratio?: number | undefined;
  readonly image?: string | null | undefined;
}

/** What the caller calls the fields, and where they stand. */
export interface FieldNames {
  readonly in: FieldPlace;
  readonly vcpus: string;
  readonly ratio: string;
  readonly image: string;
}

export const BODY_NAMES: FieldNames = { in: "body", vcpus: "vcpus", ratio: "ratio", image: "image" };
export const SEED_NAMES: FieldNames = { in: "query", vcpus: "cpu", ratio: "oc", image: "qcow2" };

/** `ratioNeeded`: a new VM must say its ratio unless a template decides; a resize may leave it. */
export function checkAgainstHost(
  input: VmInput,
  rules: HostRules,
  names: FieldNames,
  ratioNeeded: boolean,
): readonly FieldError[] {
  const wrong = (field: string, fault: FieldError["fault"], what: string, allowed: string | null): FieldError => ({
    in: names.in,
    field,
    fault,
    message: allowed === null ? what : `${what}; allowed: ${allowed}`,
    allowed,
  });
  const errors: FieldError[] = [];
  if (input.vcpus !== undefined && input.vcpus > rules.hostPcpus)
    errors.push(
      wrong(names.vcpus, "not-allowed", `is not allowed: ${input.vcpus}`, `1 to ${rules.hostPcpus}, the host's pCPUs`),
    );
  errors.push(...checkRatio(input.ratio, rules, names.ratio, ratioNeeded, wrong));
  if (typeof input.image === "string") {
    const fault = imageFault(input.image, rules.imageFolders);
    if (fault !== null) errors.push(wrong(names.image, "not-allowed", `is not allowed: ${show(input.image)}`, fault));
  }
  return errors;
}

function checkRatio(
  ratio: number | undefined,
  rules: HostRules,
  field: string,
  needed: boolean,
  wrong: (field: string, fault: FieldError["fault"], what: string, allowed: string | null) => FieldError,
): readonly FieldError[] {
  const range = `1 to ${rules.maximumRatio}`;
  if (rules.template !== null)
    return ratio === undefined
      ? []
      : [
          wrong(
            field,
            "unknown",
            `is not accepted: the host's template ${rules.template.join(", ")} decides for each vCPU`,
            null,
          ),
        ];
  if (ratio === undefined) return needed ? [wrong(field, "missing", "is missing", range)] : [];
  return ratio > rules.maximumRatio ? [wrong(field, "not-allowed", `is not allowed: ${ratio}`, range)] : [];
}

const CONTROL = /\p{Cc}/u;

/** What would be allowed instead of `path`; null when it is fine. */
function imageFault(path: string, folders: readonly string[]): string | null {
  if (folders.length === 0) return "no image at all: no image folder is configured";
  const normal = path.startsWith("/") && !CONTROL.test(path) && posix.normalize(path) === path && !path.endsWith("/");
  const below = folders.some((folder) => path.startsWith(folder.endsWith("/") ? folder : `${folder}/`));
  return normal && below ? null : `${IMAGE_RULE} (${folders.join(", ")})`;
}
