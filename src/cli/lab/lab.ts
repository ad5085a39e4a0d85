/**
 * The lab: real libvirtd daemons and real QEMU guests on this machine, for `headroom lab`, for tests and for the demo with real
 * guests. Nothing of the system's own libvirt is touched. Where a machine lacks something, `lab.skip` says what.
 */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type GuestFiles, guestFiles } from "./guest/kernel.js";
import { LabHost, type LabHostOptions } from "./lab-host.js";
import { sweepLeftOvers } from "./left-overs.js";

/** Beside the sources and in the package alike. */
const INIT_SOURCE = fileURLToPath(new URL("../../../share/lab/init.c", import.meta.url));

export type Lab =
  | { readonly skip: string }
  | {
      readonly skip: false;
      readonly files: GuestFiles;
      /** A new host: a libvirtd of its own. `stop` it, or it ends with the process. */
      startLibvirtd(options?: LabHostOptions): Promise<LabHost>;
    };

/** What is used, and the Debian package that brings it. */
const PROGRAMS: readonly (readonly [string, string])[] = [
  ["libvirtd", "libvirt-daemon-system"],
  ["virsh", "libvirt-clients"],
  ["qemu-system-x86_64", "qemu-system-x86"],
  ["unshare", "util-linux"],
  ["setpriv", "util-linux"],
  ["apt-get", "apt"],
  ["gcc", "gcc libc6-dev"],
];
/** All of them, for `apt-get install`. */
export const LAB_PACKAGES =
  "qemu-system-x86 qemu-utils libvirt-daemon-system libvirt-daemon libvirt-clients gcc libc6-dev";
const FOLDERS = ["/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin", "/usr/local/bin"];

function isInstalled(program: string): boolean {
  return FOLDERS.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function lacking(): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "the lab of real guests needs Linux on x86-64";
  if (process.getuid?.() !== 0) return "the lab of real guests needs root";
  const missing = PROGRAMS.filter(([program]) => !isInstalled(program)).map(([, debian]) => debian);
  return missing.length === 0 ? null : `the lab of real guests needs ${missing.join(", ")}`;
}

/** Gets everything ready below `cacheFolder`; the first time it fetches a kernel (26 MB) and compiles the guests' program. */
export async function prepareLab(cacheFolder: string): Promise<Lab> {
  const lack = lacking();
  if (lack !== null) return { skip: lack };
  sweepLeftOvers();
  try {
    const files = await guestFiles(cacheFolder, INIT_SOURCE);
    return { skip: false, files, startLibvirtd: (options) => LabHost.start(files, cacheFolder, options) };
  } catch (error) {
    return { skip: `the lab's guests cannot be made: ${(error as Error).message.split("\n")[0]}` };
  }
}
