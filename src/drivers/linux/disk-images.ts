/**
 * Disk images on the host's own file system: which paths a tenant may name, and the copy-on-write overlays made for VMs. A
 * path counts as what it is after all symbolic links (realpath), and an image as everything it makes QEMU open
 * (qcow2-header.ts). `qemu-img` makes the overlays; without it only they are missing.
 */
import { execFile } from "node:child_process";
import { open, realpath, rm, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, normalize, resolve, sep } from "node:path";
import { promisify } from "node:util";
import { OperationalError } from "../../ports/errors.js";
import type { DiskImages, ImageLookup } from "../../ports/host.js";
import { makeFolder } from "./make-folder.js";
import { isQcow2, QCOW2_PROLOGUE_BYTES, readQcow2References } from "./qcow2-header.js";

/** Runs a program to its end; rejects with its standard error in the message. */
export type RunProgram = (file: string, args: readonly string[]) => Promise<void>;

export interface DiskImageSettings {
  /** Absolute folders below which images may lie. Those that do not exist hold none. */
  readonly imageFolders: readonly string[];
  /** Where overlays go; made when first needed. */
  readonly overlayFolder: string;
  /** Takes files of any content: for hosts whose guests open none. */
  readonly anyContent?: boolean;
  readonly run?: RunProgram;
}

/** Images on images: templates have one or two layers; more than this is a loop or a mistake. */
const DEEPEST_CHAIN = 16;
/** An overlay is a few hundred KiB of tables whatever the image's size. */
const QEMU_IMG_DEADLINE_MS = 30_000;
const OVERLAY_SUFFIX = ".overlay.qcow2";
/** QEMU takes `nbd:...` and `json:{...}` for addresses, even where a file of that name exists. */
const NOT_A_PATH = /^[^/]*:/;
/** The names that the API admits: none can leave the folder or be taken for an option. */
const VM_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

export function diskImages(settings: DiskImageSettings): DiskImages {
  const run = settings.run ?? runProgram;
  return {
    resolve: (path) => lookUp(path, settings.imageFolders, settings.anyContent ?? false),
    createOverlay: (vm, base) => createOverlay(vm, base, settings.overlayFolder, run),
    removeOverlay: (path) => removeOverlay(path, settings.overlayFolder),
  };
}

async function lookUp(path: string, folders: readonly string[], anyContent: boolean): Promise<ImageLookup> {
  const image = await findFile(path, folders);
  if (image === null) return { problem: `there is no image ${path} below the configured image folders` };
  if (anyContent) return { path: image };
  const prologue = await orNull(readPrologue(image));
  if (prologue === null) return { problem: `the image ${path} cannot be read` };
  if (!isQcow2(prologue))
    return { problem: `${path} is not a qcow2 image: "qemu-img convert -O qcow2" makes one of other formats` };
  if (!(await opensOnly(image, prologue, folders, DEEPEST_CHAIN)))
    return {
      problem: `the image ${path} names a file that may not be used: all it opens must lie below the image folders`,
    };
  return { path: image };
}

/** The regular file behind `path`, links followed, when it lies below one of the folders. */
async function findFile(path: string, folders: readonly string[]): Promise<string | null> {
  if (!isAbsolute(path) || normalize(path) !== path) return null;
  const real = await orNull(realpath(path));
  if (real === null || !(await isBelowOne(real, folders))) return null;
  const found = await orNull(stat(real));
  return found?.isFile() ? real : null;
}

async function isBelowOne(real: string, folders: readonly string[]): Promise<boolean> {
  for (const folder of folders) {
    const realFolder = await orNull(realpath(folder));
    if (realFolder !== null && real.startsWith(realFolder === sep ? sep : realFolder + sep)) return true;
  }
  return false;
}

/** Whether everything behind the image (backing files, and theirs) lies in the image folders too. */
async function opensOnly(
  image: string,
  prologue: Buffer,
  folders: readonly string[],
  layersLeft: number,
): Promise<boolean> {
  try {
    const references = readQcow2References(prologue);
    if (references === null) return true;
    if (references.externalData) return false;
    if (references.backingFile === null) return true;
    if (NOT_A_PATH.test(references.backingFile) || layersLeft === 0) return false;
    const backing = await findFile(resolve(dirname(image), references.backingFile), folders);
    const below = backing === null ? null : await orNull(readPrologue(backing));
    return backing !== null && below !== null && (await opensOnly(backing, below, folders, layersLeft - 1));
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

async function readPrologue(path: string): Promise<Buffer> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.alloc(QCOW2_PROLOGUE_BYTES);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

async function createOverlay(vm: string, base: string, folder: string, run: RunProgram): Promise<string> {
  if (!VM_NAME.test(vm)) throw imageFailed(`"${vm}" cannot name an overlay`);
  const path = join(folder, vm + OVERLAY_SUFFIX);
  try {
    await makeFolder(folder, 0o751);
    await rm(path, { force: true });
    await run("qemu-img", ["create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", path]);
  } catch (cause) {
    throw imageFailed(`cannot make the overlay ${path} over ${base}: ${messageOf(cause)}`, cause);
  }
  return path;
}

async function removeOverlay(path: string, folder: string): Promise<void> {
  if (dirname(path) !== resolve(folder) || !path.endsWith(OVERLAY_SUFFIX) || normalize(path) !== path) {
    throw imageFailed(`${path} is not an overlay in ${folder}: left alone`);
  }
  try {
    await rm(path, { force: true });
  } catch (cause) {
    throw imageFailed(`cannot remove the overlay ${path}: ${messageOf(cause)}`, cause);
  }
}

/** What the file system answers about paths that no image can have. */
const NO_SUCH_FILE: ReadonlySet<unknown> = new Set([
  "ENOENT",
  "ENOTDIR",
  "EACCES",
  "ELOOP",
  "ENAMETOOLONG",
  "ERR_INVALID_ARG_VALUE", // a NUL in the path
]);

async function orNull<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Error && "code" in error && NO_SUCH_FILE.has(error.code)) return null;
    throw imageFailed(`cannot look at a disk image: ${messageOf(error)}`, error);
  }
}

const execute = promisify(execFile);

const runProgram: RunProgram = async (file, args) => {
  try {
    await execute(file, [...args], { timeout: QEMU_IMG_DEADLINE_MS });
  } catch (cause) {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    if (missing) throw new Error(`${file} is not installed (Debian: apt-get install qemu-utils)`, { cause });
    const told = cause instanceof Error && "stderr" in cause ? String(cause.stderr).trim() : "";
    throw new Error(told === "" ? messageOf(cause) : told, { cause });
  }
};

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const imageFailed = (message: string, cause?: unknown): OperationalError =>
  new OperationalError("image-failed", message, false, { cause });
