// Makes sure that what the lab of real guests and the tests on a real etcd, Prometheus and OpenStack Placement and in a real browser need is
// installed: Debian and Ubuntu packages, as root only. Anywhere else it says what is missing, and the tests that need it are skipped by name. As a
// program, for the guests only: `node scripts/lab-packages.mjs`.
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** What a part of the tests needs: programs that show that a package is there, and the packages that bring each. */
const GUESTS = {
  name: "The lab of real guests",
  programs: new Map([
    ["qemu-system-x86_64", ["qemu-system-x86"]],
    ["qemu-img", ["qemu-utils"]],
    ["libvirtd", ["libvirt-daemon-system", "libvirt-daemon"]],
    ["virsh", ["libvirt-clients"]],
    // The guests' init program is compiled.
    ["gcc", ["gcc", "libc6-dev"]],
  ]),
};
const ETCD = {
  name: "The cluster's store in etcd",
  programs: new Map([
    ["etcd", ["etcd-server"]],
    ["etcdctl", ["etcd-client"]],
  ]),
};

const MEASURING = {
  name: "Prometheus, and performance counters",
  programs: new Map([
    ["prometheus", ["prometheus"]],
    ["promtool", ["prometheus"]],
    ["perf", ["linux-perf"]],
  ]),
};
const SAMPLES = {
  name: "Samples in VictoriaMetrics and InfluxDB 1.x, and units for systemd",
  programs: new Map([
    ["victoria-metrics", ["victoria-metrics"]],
    ["influxd", ["influxdb"]],
    ["systemd-analyze", ["systemd"]],
  ]),
};
const OPENSTACK = {
  name: "OpenStack Placement",
  programs: new Map([["placement-api", ["placement-api"]]]),
};
const BROWSER = {
  name: "The dashboard in a browser",
  programs: new Map([["chromium", ["chromium", "fonts-dejavu-core"]]]),
};

/** Made once by src/cli/lab/guest/kernel.ts, from a kernel that it fetches through apt. */
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

const missingOf = ({ programs }) => [...programs.keys()].filter((program) => !isInstalled(program));

const packagesFor = ({ programs }, missing) => [...new Set(missing.flatMap((program) => programs.get(program)))];

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

function installMissing(part, missing) {
  const wanted = packagesFor(part, missing);
  const install = () => apt("install", "-y", "--no-install-recommends", ...wanted);
  // Lists that are there may be old: a failed installation is tried once more with fresh ones.
  const done = hasPackageLists() ? install() || (apt("update") && install()) : apt("update") && install();
  return done ? [`${part.name}: installed ${wanted.join(", ")}`] : [lacking(part, missing)];
}

const lacking = ({ name }, missing) => `${name} lacks ${missing.join(", ")}: its tests will be skipped.`;

function preparePart(part, mayInstall) {
  const missing = missingOf(part);
  if (missing.length === 0) return [];
  if (mayInstall) return installMissing(part, missing);
  const command = `apt-get install --no-install-recommends ${packagesFor(part, missing).join(" ")}`;
  return [lacking(part, missing), `  As root on Debian or Ubuntu: ${command}`];
}

/** Installs what is missing where it may; gives lines that say what was done or is lacking. */
export function prepareLab(parts = [GUESTS, ETCD, MEASURING, SAMPLES, OPENSTACK, BROWSER]) {
  if (process.platform !== "linux") return parts.map(({ name }) => `${name} needs Linux: its tests will be skipped.`);
  const mayInstall = process.getuid?.() === 0 && isInstalled("apt-get");
  const lines = parts.flatMap((part) => preparePart(part, mayInstall));
  if (mayInstall && !existsSync(GUEST_KERNEL) && !hasPackageLists()) apt("update");
  return lines;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  for (const line of prepareLab([GUESTS])) console.log(line);
  process.exitCode = missingOf(GUESTS).length === 0 ? 0 : 1;
}
