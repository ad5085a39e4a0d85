// Makes sure that what the lab of real guests needs is installed: Debian and Ubuntu packages, as root only. Anywhere else it
// says what is missing, and the tests that need it are skipped by name. As a program: `node scripts/lab-packages.mjs`.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Program that shows that a package is there, and the package that brings it. */
const PROGRAMS = new Map([
  ["qemu-system-x86_64", ["qemu-system-x86"]],
  ["qemu-img", ["qemu-utils"]],
  ["libvirtd", ["libvirt-daemon-system", "libvirt-daemon"]],
  ["virsh", ["libvirt-clients"]],
  // The guests' init program is compiled.
  ["gcc", ["gcc", "libc6-dev"]],
]);

/** Made once by test/lab/guest/kernel.ts, from a kernel that it fetches through apt. */
const GUEST_KERNEL = join(".cache", "lab", "guest", "kernel");

const SEARCHED = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

function isInstalled(program) {
  for (const folder of [...(process.env.PATH ?? "").split(":"), ...SEARCHED]) {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch (error) {
      if (error.code !== "ENOENT" && error.code !== "ENOTDIR" && error.code !== "EACCES") throw error;
    }
  }
  return false;
}

const missingPrograms = () => [...PROGRAMS.keys()].filter((program) => !isInstalled(program));

function hasPackageLists() {
  const folder = "/var/lib/apt/lists";
  return (
    existsSync(folder) &&
    readdirSync(folder).some((name) => name.endsWith("_Packages") || name.endsWith("_Packages.lz4"))
  );
}

function apt(...args) {
  const options = {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  };
  return spawnSync("apt-get", ["-qq", ...args], options).status === 0;
}

function installMissing(missing) {
  const wanted = [...new Set(missing.flatMap((program) => PROGRAMS.get(program)))];
  const install = () => apt("install", "-y", "--no-install-recommends", ...wanted);
  // Lists that are there may be old: a failed installation is tried once more with fresh ones.
  const done = hasPackageLists() ? install() || (apt("update") && install()) : apt("update") && install();
  return done ? [`Installed for the lab of real guests: ${wanted.join(", ")}`] : [lacking(missing)];
}

const lacking = (missing) => `The lab of real guests lacks ${missing.join(", ")}: its tests will be skipped.`;

/** Installs what is missing where it may; gives lines that say what was done or is lacking. */
export function prepareLab() {
  if (process.platform !== "linux") return ["The lab of real guests needs Linux: its tests will be skipped."];
  const missing = missingPrograms();
  const mayInstall = process.getuid?.() === 0 && isInstalled("apt-get");
  if (missing.length > 0 && !mayInstall) {
    const wanted = [...new Set(missing.flatMap((program) => PROGRAMS.get(program)))];
    return [
      lacking(missing),
      `  As root on Debian or Ubuntu: apt-get install --no-install-recommends ${wanted.join(" ")}`,
    ];
  }
  if (missing.length > 0) return installMissing(missing);
  if (mayInstall && !existsSync(GUEST_KERNEL) && !hasPackageLists()) apt("update");
  return [];
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const line of prepareLab()) console.log(line);
  process.exitCode = missingPrograms().length === 0 ? 0 : 1;
}
