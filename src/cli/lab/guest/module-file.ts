/** Reads a kernel module, which newer distributions compress. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { decompress } from "fzstd";

const run = promisify(execFile);

export async function moduleFile(path: string): Promise<Uint8Array> {
  if (path.endsWith(".zst")) return decompress(await readFile(path));
  if (!path.endsWith(".xz")) return readFile(path);
  const { stdout } = await run("xz", ["--decompress", "--stdout", path], { encoding: "buffer", maxBuffer: 2 ** 26 });
  return stdout;
}
