/** Which setting names what cannot be used: an operator looks for the setting, not for the path. */
import { makeFolder } from "../../drivers/linux/make-folder.js";
import { OperationalError } from "../../ports/errors.js";

/** The name in the environment, and the flag. */
export type NamedPath = readonly [name: string, flag: string];

export const STATE_FOLDER: NamedPath = ["HEADROOM_STATE_FOLDER", "--state-folder"];
export const SAMPLE_FOLDER: NamedPath = ["HEADROOM_SAMPLE_FOLDER", "--sample-folder"];
export const ESTIMATOR_FOLDER: NamedPath = ["HEADROOM_ESTIMATOR_FOLDER", "--estimator-folder"];
export const ESTIMATE_FILE: NamedPath = ["HEADROOM_ESTIMATE_FILE", "--estimate-file"];

/** What `work` cannot write is told with the names of the setting. */
export async function naming<T>([name, flag]: NamedPath, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof OperationalError) || cause.code !== "state-not-written") throw cause;
    throw new OperationalError(cause.code, `${name} (${flag}): ${cause.message}`, cause.retryable, { cause });
  }
}

/** Makes a folder that a setting names. Throws `bad-settings`. */
export async function makeNamedFolder([name, flag]: NamedPath, folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (cause) {
    const message = `${name} (${flag}): the folder ${folder} cannot be made: ${(cause as Error).message}`;
    throw new OperationalError("bad-settings", message, false, { cause });
  }
}
