/**
 * Ends what a lab host leaves behind: its daemon and its guests, each by its process id, and only where the command line of
 * that process still names the host's folder, or a lab host's for guests, which move. Works from the folder alone, so that the next run can clear up after one that
 * was killed.
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const FOLDER_PREFIX = "headroom-lab-";
/** Process id of the test process that owns the folder. */
export const OWNER_FILE = "owner.pid";
export const DAEMON_PID_FILE = "daemon.pid";

function textOf(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

function pidIn(path: string): number | null {
  const pid = Number(textOf(path));
  return Number.isInteger(pid) && pid > 1 ? pid : null;
}

export const commandLineOf = (pid: number): string => textOf(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ") ?? "";

function end(pid: number | null, mark: string): void {
  if (pid === null || !commandLineOf(pid).includes(mark)) return;
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Process ids of the guests, as libvirt wrote them down. */
export function guestPids(folder: string): ReadonlyMap<string, number> {
  const pids = new Map<string, number>();
  const run = join(folder, "run", "qemu");
  let names: readonly string[] = [];
  try {
    names = readdirSync(run);
  } catch {
    return pids;
  }
  for (const name of names.filter((file) => file.endsWith(".pid"))) {
    const pid = pidIn(join(run, name));
    const commandLine = pid === null ? "" : commandLineOf(pid);
    // libvirtd keeps a lock file of its own there. A guest that has moved here carries the mark of the host where it began.
    if (pid !== null && commandLine.includes(FOLDER_PREFIX) && commandLine.includes("qemu-system"))
      pids.set(name.slice(0, -".pid".length), pid);
  }
  return pids;
}

export function clearFolder(folder: string): void {
  end(pidIn(join(folder, DAEMON_PID_FILE)), folder);
  for (const pid of guestPids(folder).values()) end(pid, FOLDER_PREFIX);
  rmSync(folder, { recursive: true, force: true });
}

/** Clears the folders of test processes that are no more. */
export function sweepLeftOvers(): void {
  for (const name of readdirSync(tmpdir())) {
    if (!name.startsWith(FOLDER_PREFIX)) continue;
    const folder = join(tmpdir(), name);
    const owner = pidIn(join(folder, OWNER_FILE));
    if (owner !== null && commandLineOf(owner) === "") clearFolder(folder);
  }
}
