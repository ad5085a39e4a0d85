/**
 * Processes of a benchmark as they would be installed: compiled by tsc, and not, as tests are, on the fly by a loader that wraps
 * every function to keep its name, which in small functions costs more than they do.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const OUT = join(ROOT, ".cache", "bench");
const TSC = join(ROOT, "node_modules", ".bin", "tsc");
const FLAGS = ["--ignoreConfig", "--noCheck", "--skipLibCheck", "--types", "node", "--target", "es2023"];
const MODULES = ["--module", "nodenext", "--moduleResolution", "nodenext", "--verbatimModuleSyntax"];

/** Compiles files of this folder with all that they import; gives where they are then. Throws what the compiler says. */
export function compiled(...names: readonly string[]): readonly string[] {
  const files = names.map((name) => join("test", "bench", name));
  const { status, stdout } = spawnSync(TSC, [...FLAGS, ...MODULES, "--rootDir", ROOT, "--outDir", OUT, ...files], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`the benchmark's processes do not compile:\n${stdout}`);
  return files.map((file) => join(OUT, file.replace(/\.ts$/, ".js")));
}
