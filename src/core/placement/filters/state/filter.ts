/** Only hosts that report and are not cordoned take new VMs. */
import type { HostLiveness, ShapeFilter } from "../../model.js";

const WHY: Readonly<Record<Exclude<HostLiveness, "up">, string>> = {
  suspect: "the host missed its last reports",
  down: "the host is down",
};

export const stateFilter: ShapeFilter = {
  name: "state",
  veto({ host: { state, cordoned } }) {
    if (state !== "up") return () => WHY[state];
    return cordoned ? () => "the host is cordoned" : null;
  },
};
