/** A host of the lab, as the tests name it. */
import type { LabHost as Host } from "../../src/cli/lab/lab-host.js";

export type LabHost = Host;
