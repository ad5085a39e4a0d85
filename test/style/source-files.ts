/** The repository's own text files as the style tests see them: path, text, and the code with comments and literals blanked. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../", import.meta.url));

export interface SourceFile {
  /** Relative to the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

const CODE = /\.(ts|tsx|mjs|js)$/;
const PROSE = /\.(md|json|yaml|yml|html|css|sh|xml)$/;
/** Recorded machines and reference data are not ours to style. */
const DATA_FOLDERS = new Set([
  "test/hosts",
  "test/golden/data",
  "node_modules",
  "dist",
  ".git",
  ".cache",
  ".lab",
  "debug",
]);

function walk(folder: string, into: string[]): void {
  for (const name of readdirSync(join(ROOT, folder))) {
    const path = folder === "" ? name : `${folder}/${name}`;
    if (DATA_FOLDERS.has(path)) continue;
    // A neighbour's temporary file may be gone by now.
    const status = statSync(join(ROOT, path), { throwIfNoEntry: false });
    if (status?.isDirectory()) walk(path, into);
    else if (status?.isFile()) into.push(path);
  }
}

function allPaths(): readonly string[] {
  const paths: string[] = [];
  walk("", paths);
  return paths.sort();
}

const read = (path: string): SourceFile => ({ path, text: readFileSync(join(ROOT, path), "utf8") });

/** TypeScript and JavaScript of src, web, test and scripts. */
export const codeFiles = (): readonly SourceFile[] =>
  allPaths()
    .filter((path) => /^(src|web|test|scripts)\//.test(path) && CODE.test(path))
    .map(read);

/** Code, documents and settings; not the lock file, which npm writes. */
export const textFiles = (): readonly SourceFile[] =>
  allPaths()
    .filter((path) => path !== "package-lock.json")
    .filter((path) => CODE.test(path) || PROSE.test(path) || path === "Makefile" || path.startsWith("bin/"))
    .map(read);

export const repositoryHas = (path: string): boolean => existsSync(join(ROOT, path));
