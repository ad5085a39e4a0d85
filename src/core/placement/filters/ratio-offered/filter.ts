/**
 * Whether the host sells the ratio: one of its list or range, and one that its policy can count with. Under a per-vCPU template
 * a VM carries no ratio; without one it must (spec 1.3).
 */
import { exactRatioProblem } from "../../../pool/exact-ratio.js";
import type { Ratio } from "../../../units.js";
import type { HostClass, RatioOffer, ShapeFilter } from "../../model.js";

type Offered = Exclude<RatioOffer, null>;
/** Not by looking for a property, which takes long in a list. */
const isRange = (offer: Offered): offer is Exclude<Offered, readonly Ratio[]> => !Array.isArray(offer);

function isOffered(offer: RatioOffer, ratio: Ratio): boolean {
  if (offer === null) return true;
  return isRange(offer) ? ratio >= offer.least && ratio <= offer.most : offer.includes(ratio);
}

const offerText = (offer: RatioOffer): string =>
  offer === null ? "any" : isRange(offer) ? `${offer.least} to ${offer.most}` : offer.join(", ");

/** Ratios below 1 would give a vCPU more than a pCPU; `headroom` counts in fractions, the seeds in any double. */
const isCountable = ({ policy }: HostClass, ratio: Ratio): boolean =>
  ratio >= 1 && ratio < Number.POSITIVE_INFINITY && (policy !== "headroom" || exactRatioProblem(ratio) === null);

export const ratioOfferedFilter: ShapeFilter = {
  name: "ratio-offered",
  veto({ host, shape: { ratio } }) {
    const { template, ratiosOffered } = host;
    if (template !== null)
      return ratio === null
        ? null
        : () => `the VM asks for the ratio ${ratio}, here the template ${template.join(",")} decides`;
    if (ratio === null) return () => "the VM asks for no ratio, and this host has no template";
    if (!isOffered(ratiosOffered, ratio))
      return () => `the ratio ${ratio} is not offered, only ${offerText(ratiosOffered)}`;
    return isCountable(host, ratio) ? null : () => `${ratio} is no allocation ratio for the policy ${host.policy}`;
  },
};
