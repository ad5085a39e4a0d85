/**
 * What the online estimator remembers, a file for each host in one folder: each is replaced as a whole (durable-text.ts), so a crash
 * leaves the text before or the text after. One process at a time (folder-lock.ts). Files are named after their hosts, as far
 * as names of files can be.
 */
import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { EstimatorStates, StoredEstimatorState } from "../../ports/estimates.js";
import { durableText } from "../linux/durable-text.js";
import { lockFolder } from "./folder-lock.js";

const SUFFIX = ".state.json";
/** Names of files have up to 255 bytes; the end is for the suffix and what tells long names apart. */
const LONGEST_NAME = 160;

function fileOf(host: string): string {
  const name = encodeURIComponent(host).replaceAll(".", "%2E");
  if (name.length <= LONGEST_NAME) return `${name}${SUFFIX}`;
  const digest = createHash("sha256").update(host).digest("hex").slice(0, 32);
  return `${name.slice(0, LONGEST_NAME)}~${digest}${SUFFIX}`;
}

/** Throws `store-locked` when another process has the folder, `state-not-written` where it cannot be made. */
export async function openEstimatorStates(folder: string, clock: Clock): Promise<EstimatorStates> {
  const lock = await lockFolder(
    {
      folder,
      name: "the estimator's folder",
      remedy: "stop that estimator first: one process estimates all hosts",
      newestGeneration: async () => 0,
    },
    clock,
  );
  return {
    async load() {
      const states: StoredEstimatorState[] = [];
      for (const file of (await readdir(folder)).sort()) {
        if (!file.endsWith(SUFFIX)) continue;
        const text = await durableText(join(folder, file)).read();
        if (text !== null) states.push({ host: decodeURIComponent(file.slice(0, -SUFFIX.length)), text });
      }
      return states;
    },
    async save(host, text) {
      if (!(await lock.isHeld())) {
        const message = `${folder}: another process has taken the estimator's folder over`;
        throw new OperationalError("state-not-written", message, false);
      }
      await durableText(join(folder, fileOf(host))).write(text);
    },
    forget: (host) => rm(join(folder, fileOf(host)), { force: true }),
    close: () => lock.release(),
  };
}
