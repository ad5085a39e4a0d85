/**
 * Makes a folder and what is missing above it, as `mkdir -p`. Not by Node's own `recursive`: that asks for ever where the kernel says ENOENT
 * below a folder that is there, as it does in /proc, and where an automounter's server is gone.
 */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Throws what the kernel said. */
export async function makeFolder(folder: string, mode = 0o777): Promise<void> {
  if (await tryToMake(folder, mode)) return;
  await makeFolder(dirname(folder), mode);
  if (!(await tryToMake(folder, mode))) await mkdir(folder, { mode });
}

/** False: what it lies in is missing. */
async function tryToMake(folder: string, mode: number): Promise<boolean> {
  try {
    await mkdir(folder, { mode });
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" && dirname(folder) !== folder) return false;
    if (code !== "EEXIST" || !(await stat(folder)).isDirectory()) throw error;
    return true;
  }
}
