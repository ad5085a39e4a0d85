/** A tenant names images below the image folders and nothing else, whatever the path, the links or the image itself say. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { diskImages, type RunProgram } from "../../src/drivers/linux/disk-images.js";
import { OperationalError } from "../../src/ports/errors.js";
import { temporaryFolder } from "./folder.js";

const failed = (error: unknown) => error instanceof OperationalError && error.code === "image-failed";

/** `images/disk.qcow2` and `outside/secret`; what is run is noted and pretends to have made its last argument. */
async function host(context: TestContext, run?: RunProgram) {
  const folder = await temporaryFolder(context);
  const images = join(folder, "images");
  const outside = join(folder, "outside");
  await mkdir(join(images, "deep"), { recursive: true });
  await mkdir(outside);
  await writeFile(join(images, "disk.qcow2"), qcow2(null));
  await writeFile(join(outside, "secret"), "password");
  const commands: (readonly string[])[] = [];
  const pretend: RunProgram = async (file, args) => {
    commands.push([file, ...args]);
    await writeFile(args.at(-1)!, "overlay");
  };
  const overlays = join(folder, "overlays");
  const disks = diskImages({
    imageFolders: [join(folder, "absent"), images],
    overlayFolder: overlays,
    run: run ?? pretend,
  });
  return { folder, images, outside, overlays, disks, commands };
}

/** The first 512 bytes of a qcow2 image (version 3) with this backing file. */
function qcow2(backing: string | null, incompatible = 0): Buffer {
  const header = Buffer.alloc(512);
  header.writeUInt32BE(0x514649fb, 0);
  header.writeUInt32BE(3, 4);
  header.writeUInt32BE(incompatible, 76);
  if (backing !== null) {
    header.writeBigUInt64BE(112n, 8);
    header.writeUInt32BE(Buffer.byteLength(backing), 16);
    header.write(backing, 112);
  }
  return header;
}

test("an image below an image folder is found, and a link inside it is followed", async (context) => {
  const { images, disks } = await host(context);
  const disk = join(images, "disk.qcow2");
  await symlink(disk, join(images, "deep", "link.qcow2"));
  assert.deepEqual(await disks.resolve(disk), { path: disk });
  assert.deepEqual(await disks.resolve(join(images, "deep", "link.qcow2")), { path: disk });
});

test("an image folder that is a link itself is followed too", async (context) => {
  const { folder, images } = await host(context);
  await symlink(images, join(folder, "linked"));
  const disks = diskImages({ imageFolders: [join(folder, "linked")], overlayFolder: join(folder, "overlays") });
  assert.deepEqual(await disks.resolve(join(folder, "linked", "disk.qcow2")), { path: join(images, "disk.qcow2") });
});

test("what lies outside, is no regular file, or is not written plainly is not an image", async (context) => {
  const { folder, images, outside, disks } = await host(context);
  await symlink(join(outside, "secret"), join(images, "escape.qcow2"));
  await symlink(outside, join(images, "escape"));
  await symlink(join(images, "loop"), join(images, "loop"));
  await mkdir(join(folder, "images-2"));
  await writeFile(join(folder, "images-2", "near.qcow2"), "x");
  assert.equal(spawnSync("mkfifo", [join(images, "pipe")]).status, 0);
  for (const path of [
    join(outside, "secret"),
    join(images, "escape.qcow2"),
    join(images, "escape", "secret"),
    join(images, "loop"),
    join(images, "pipe"),
    join(images, "deep"),
    images,
    join(images, "missing.qcow2"),
    join(images, "disk.qcow2", "under-a-file"),
    join(folder, "images-2", "near.qcow2"),
    `${images}/../outside/secret`,
    `${images}/deep/../disk.qcow2`,
    `${images}//disk.qcow2`,
    `${images}/./disk.qcow2`,
    "disk.qcow2",
    "images/disk.qcow2",
    "",
    "/dev/null",
    "/dev/zero",
    "/etc/passwd",
    `${images}/disk.qcow2\0.png`,
    `${images}/${"n".repeat(300)}`,
    `/${"d/".repeat(5000)}x`,
    "nbd://127.0.0.1/x",
    'json:{"driver":"file"}',
  ]) {
    assert.ok("problem" in (await disks.resolve(path)), `${JSON.stringify(path)} was taken for an image`);
  }
});

test("an image whose backing files lie below the image folders is accepted", async (context) => {
  const { images, disks } = await host(context);
  await writeFile(join(images, "alone.qcow2"), qcow2(null));
  await writeFile(join(images, "over.qcow2"), qcow2("alone.qcow2"));
  await writeFile(join(images, "deep", "top.qcow2"), qcow2(join(images, "over.qcow2")));
  for (const name of ["alone.qcow2", "over.qcow2", "deep/top.qcow2"]) {
    assert.deepEqual(await disks.resolve(join(images, name)), { path: join(images, name) });
  }
});

test("an image that would make QEMU open another file of the host is refused", async (context) => {
  const { images, outside, disks } = await host(context);
  const beyondHeader = qcow2("x");
  beyondHeader.writeBigUInt64BE(1n << 60n, 8);
  const refused = {
    absolute: qcow2(join(outside, "secret")),
    relative: qcow2("../outside/secret"),
    protocol: qcow2("nbd:127.0.0.1:10809"),
    json: qcow2('json:{"driver":"file","filename":"/etc/shadow"}'),
    data: qcow2(null, 1 << 2),
    loop: qcow2("loop"),
    missing: qcow2("missing.qcow2"),
    beyondHeader,
  };
  for (const [name, header] of Object.entries(refused)) await writeFile(join(images, name), header);
  await writeFile(join(images, "second-layer"), qcow2("absolute"));
  for (const name of [...Object.keys(refused), "second-layer"]) {
    assert.ok("problem" in (await disks.resolve(join(images, name))), `${name} was accepted`);
  }
});

test("a file that is no qcow2 image is refused in words that help, and taken where guests open none", async (context) => {
  const { folder, images, disks } = await host(context);
  const raw = join(images, "raw.img");
  await writeFile(raw, "no qcow2 at all");
  const found = await disks.resolve(raw);
  assert.match("problem" in found ? found.problem : "", /raw\.img is not a qcow2 image.*qemu-img convert/);
  const simulated = diskImages({ imageFolders: [images], overlayFolder: join(folder, "o"), anyContent: true });
  assert.deepEqual(await simulated.resolve(raw), { path: raw });
});

test("an overlay is made by qemu-img over its base, with both formats named", async (context) => {
  const { images, overlays, disks, commands } = await host(context);
  const base = join(images, "disk.qcow2");
  const path = await disks.createOverlay("vm-1", base);
  assert.equal(path, join(overlays, "vm-1.overlay.qcow2"));
  assert.deepEqual(commands, [["qemu-img", "create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", path]]);
});

test("a left-over overlay of the same name is replaced, not written into", async (context) => {
  const { images, overlays, disks } = await host(context);
  await mkdir(overlays);
  await writeFile(join(overlays, "vm.overlay.qcow2"), "left over from before the crash");
  const path = await disks.createOverlay("vm", join(images, "disk.qcow2"));
  assert.equal(await readFile(path, "utf8"), "overlay");
});

test("names that could leave the folder or pass for an option make no overlay", async (context) => {
  const { images, disks, commands } = await host(context);
  for (const name of ["", "..", "../x", "a/b", "-o", ".hidden", "a b", "a\0b", "n".repeat(64)]) {
    await assert.rejects(disks.createOverlay(name, join(images, "disk.qcow2")), failed, JSON.stringify(name));
  }
  assert.deepEqual(commands, []);
});

test("an overlay is removed once and again, and nothing else ever is", async (context) => {
  const { images, outside, overlays, disks } = await host(context);
  const path = await disks.createOverlay("vm", join(images, "disk.qcow2"));
  await disks.removeOverlay(path);
  await disks.removeOverlay(path);
  await assert.rejects(stat(path), { code: "ENOENT" });
  for (const other of [
    join(images, "disk.qcow2"),
    join(outside, "secret"),
    `${overlays}/../images/disk.qcow2`,
    join(overlays, "other-file"),
    overlays,
    "vm.overlay.qcow2",
  ]) {
    await assert.rejects(disks.removeOverlay(other), failed, other);
  }
  assert.equal(await readFile(join(images, "disk.qcow2"), "utf8"), qcow2(null).toString("utf8"));
});

test("a failure of qemu-img is told in its own words", async (context) => {
  const { images, disks } = await host(context, () => Promise.reject(new Error("Could not open backing image")));
  const words = (error: unknown) => failed(error) && error instanceof Error && /backing image/.test(error.message);
  await assert.rejects(disks.createOverlay("vm", join(images, "disk.qcow2")), words);
});

const qemuImg = spawnSync("qemu-img", ["--version"]).status === 0;

test("the real qemu-img's overlay names its base, which its own header shows", {
  skip: qemuImg ? false : "qemu-img is not installed",
}, async (context) => {
  const { folder, images } = await host(context);
  const base = join(images, "base.qcow2");
  assert.equal(spawnSync("qemu-img", ["create", "-q", "-f", "qcow2", base, "8M"]).status, 0);
  const disks = diskImages({ imageFolders: [images, join(folder, "o")], overlayFolder: join(folder, "o") });
  const path = await disks.createOverlay("vm", base);
  assert.deepEqual(await disks.resolve(path), { path });
  const strict = diskImages({ imageFolders: [join(folder, "o")], overlayFolder: join(folder, "o") });
  assert.ok("problem" in (await strict.resolve(path)), "its base lies outside the image folders now");
  await writeFile(join(images, "raw.img"), "no qcow2 at all");
  await assert.rejects(disks.createOverlay("vm2", join(images, "raw.img")), failed);
});

test("without qemu-img it is said what to install", {
  skip: qemuImg ? "qemu-img is installed" : false,
}, async (context) => {
  const { folder, images } = await host(context);
  const disks = diskImages({ imageFolders: [images], overlayFolder: join(folder, "o") });
  await assert.rejects(disks.createOverlay("vm", join(images, "disk.qcow2")), /qemu-utils/);
});
