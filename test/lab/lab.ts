/** The lab of real guests (src/cli/lab) with what it makes kept in the checkout, for tests and for the demo with real guests. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Lab, prepareLab } from "../../src/cli/lab/lab.js";

export const CACHE = join(fileURLToPath(new URL("../../", import.meta.url)), ".cache", "lab");

/** Gets everything ready; the first time in a checkout it fetches a kernel (26 MB). Await it at the top of a test file. */
export const openLab = (): Promise<Lab> => prepareLab(CACHE);
