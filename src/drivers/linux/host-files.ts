/** The machine's own files (sysfs, procfs) behind the two functions that core reads hosts with. */
import { readdirSync, readFileSync } from "node:fs";
import type { HostFiles } from "../../core/topology/host-files.js";

/**
 * What the kernel answers for files that are not there, or are there but have nothing to say: attributes of offline
 * pCPUs, drivers without a value, files for root only. Anything else (no memory, too many open files) is a failure.
 */
const NOTHING_TO_READ: ReadonlySet<unknown> = new Set([
  "ENOENT",
  "ENOTDIR",
  "EISDIR",
  "EACCES",
  "EPERM",
  "EIO",
  "ENODEV",
  "ENXIO",
  "EINVAL",
  "EBUSY",
  "ENODATA",
  "EOPNOTSUPP",
  "ENOTSUP",
]);

function orElse<T>(read: () => T, nothing: T): T {
  try {
    return read();
  } catch (error) {
    if (NOTHING_TO_READ.has((error as NodeJS.ErrnoException).code)) return nothing;
    throw error;
  }
}

/** Reads below `root` (a folder that holds `sys/` and `proc/`); the machine itself without one. */
export function linuxHostFiles(root = ""): HostFiles {
  return {
    readText: (path) => orElse(() => readFileSync(root + path, "utf8"), null),
    listFolder: (path) => orElse(() => readdirSync(root + path), []),
  };
}
