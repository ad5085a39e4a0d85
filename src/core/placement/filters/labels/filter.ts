/** The host carries every label that the request selects by, with that value. */
import type { ProfileFilter } from "../../model.js";

export const labelsFilter: ProfileFilter = {
  name: "labels",
  veto({ labels }, { labels: selected }) {
    for (const [name, value] of Object.entries(selected)) {
      const found = Object.hasOwn(labels, name) ? labels[name] : undefined;
      if (found === value) continue;
      return () =>
        `the label ${name} is ${found === undefined ? "not set" : `"${found}"`}, the request wants "${value}"`;
    }
    return null;
  },
};
