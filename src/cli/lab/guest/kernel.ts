/**
 * Makes what the lab's guests boot from: Debian's cloud kernel, fetched by apt and unpacked without installing it, and an
 * initrd with our init program and the balloon driver. Kept in a folder of its own; made once.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { makeFolder } from "../../../drivers/linux/make-folder.js";
import { CHARACTER_DEVICE_MODE, cpioArchive, FILE_MODE, FOLDER_MODE } from "./cpio.js";
import { moduleFile } from "./module-file.js";
import { unpackKernel } from "./vmlinux.js";

const run = promisify(execFile);

export interface GuestFiles {
  readonly kernel: string;
  readonly initrd: string;
}

const META_PACKAGE = "linux-image-cloud-amd64";
const MODULES = [
  "virtio_ring",
  "virtio",
  "virtio_pci_legacy_dev",
  "virtio_pci_modern_dev",
  "virtio_pci",
  "virtio_balloon",
];
const FETCH_TIMEOUT_MS = 120_000;
const LARGEST_OUTPUT = 2 ** 24;

/** `initSource`: path of init.c. Throws with the program's own words when something cannot be fetched or built. */
export async function guestFiles(cacheFolder: string, initSource: string): Promise<GuestFiles> {
  const done = join(cacheFolder, "guest");
  const files = { kernel: join(done, "kernel"), initrd: join(done, "initrd.cpio"), source: join(done, "init.c") };
  const source = await readFile(initSource, "utf8");
  if (existsSync(files.source) && (await readFile(files.source, "utf8")) === source) return files;
  await makeFolder(cacheFolder);
  const work = await mkdtemp(join(cacheFolder, "making-"));
  try {
    const tree = await unpackedKernelPackage(cacheFolder, work);
    const bzImage = await readFile(await onlyFile(join(tree, "boot"), "vmlinuz-"));
    await mkdir(join(work, "guest"));
    await writeFile(join(work, "guest", "kernel"), unpackKernel(bzImage) ?? bzImage);
    await writeFile(join(work, "guest", "initrd.cpio"), await initrd(work, tree, initSource));
    await writeFile(join(work, "guest", "init.c"), source);
    await rm(done, { recursive: true, force: true });
    // Another test process may have been quicker; its files are as good.
    await rename(join(work, "guest"), done).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
    return files;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** The newest kernel package that the package lists name, fetched once, unpacked below `work`. */
async function unpackedKernelPackage(cacheFolder: string, work: string): Promise<string> {
  const { stdout } = await run("apt-cache", ["depends", "--no-recommends", META_PACKAGE]);
  const name = /Depends: (linux-image-\S+)/.exec(stdout)?.[1];
  if (!name) throw new Error(`apt knows no ${META_PACKAGE}: run apt-get update`);
  let kept = (await readdir(cacheFolder)).find((file) => file.startsWith(`${name}_`) && file.endsWith(".deb"));
  if (!kept) {
    const download = join(work, "deb");
    await mkdir(download);
    const options = ["-o", "APT::Sandbox::User=root", "download", name];
    await run("apt-get", options, { cwd: download, timeout: FETCH_TIMEOUT_MS, maxBuffer: LARGEST_OUTPUT });
    const fetched = await onlyFile(download, name);
    kept = basename(fetched);
    await rename(fetched, join(cacheFolder, kept));
  }
  const tree = join(work, "tree");
  await run("dpkg-deb", ["--extract", join(cacheFolder, kept), tree]);
  return tree;
}

async function onlyFile(folder: string, prefix: string): Promise<string> {
  const found = (await readdir(folder)).filter((name) => name.startsWith(prefix));
  if (found.length !== 1) throw new Error(`${folder} holds ${found.length} files ${prefix}*, not one`);
  return join(folder, found[0]!);
}

async function initrd(work: string, tree: string, initSource: string): Promise<Buffer> {
  const init = join(work, "init");
  await run("gcc", ["-O1", "-static", "-o", init, initSource]);
  const modules = await moduleFiles(tree);
  return cpioArchive([
    ...["dev", "proc", "sys"].map((path) => ({ path, mode: FOLDER_MODE })),
    { path: "dev/console", mode: CHARACTER_DEVICE_MODE, device: [5, 1] as const },
    { path: "init", mode: FILE_MODE, content: await readFile(init) },
    ...(await Promise.all(
      modules.map(async ([name, path]) => ({
        path: `${name}.ko`,
        mode: FILE_MODE,
        content: await moduleFile(path),
      })),
    )),
  ]);
}

/** Modules that a kernel has built in are not among its files. */
async function moduleFiles(tree: string): Promise<readonly (readonly [string, string])[]> {
  const all = await readdir(tree, { recursive: true });
  return MODULES.flatMap((name) => {
    const found = all.find((path) => new RegExp(`/${name}\\.ko(\\.xz|\\.zst)?$`).test(path));
    return found ? [[name, join(tree, found)] as const] : [];
  });
}
