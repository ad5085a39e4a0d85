/** Where the reference data lie, and a reason to skip by where they are missing. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../shared/", import.meta.url));

/** Absolute path of a file of the reference data, given relative to their folder (`goldens/slackvm/small/trace.csv.gz`). */
export const sharedPath = (relative: string): string => root + relative;

/** For node:test's `skip`: false where the reference data are there, else the reason. */
export const skipWithoutShared: string | false = existsSync(`${root}goldens`)
  ? false
  : "the reference data (../shared) are not on this machine";
