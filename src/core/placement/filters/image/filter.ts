/**
 * Whether the disk image is on the host, by what the host said of its images or image folders. A host that said nothing is not
 * kept out: its agent looks before it starts anything.
 */
import type { ProfileFilter } from "../../model.js";

const holds = (known: string, image: string): boolean =>
  image === known || image.startsWith(known.endsWith("/") ? known : `${known}/`);

export const imageFilter: ProfileFilter = {
  name: "image",
  veto({ images }, { image }) {
    if (image === null || images === null || images.some((known) => holds(known, image))) return null;
    return () => `the image ${image} is not on this host`;
  },
};
