/** Who may import whom (DESIGN): core <- ports <- trace <- {agent, scheduler, telemetry, estimator} <- http <- cli; drivers know core and ports only. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path/posix";
import { test } from "node:test";
import { blankComments } from "./blank.js";
import { codeFiles, repositoryHas } from "./source-files.js";

const LAYERS: Readonly<Record<string, readonly string[]>> = {
  core: [],
  ports: ["core"],
  trace: ["core", "ports"],
  agent: ["core", "ports", "trace"],
  scheduler: ["core", "ports", "trace"],
  telemetry: ["core", "ports"],
  estimator: ["core", "ports"],
  drivers: ["core", "ports"],
  http: ["core", "ports", "trace", "agent", "scheduler", "telemetry"],
  report: ["core", "ports", "trace", "agent", "scheduler"],
  /** Its machines are fake hypervisors. */
  simulator: ["core", "ports", "trace", "agent", "scheduler", "drivers"],
  cli: [
    "core",
    "ports",
    "trace",
    "agent",
    "scheduler",
    "telemetry",
    "estimator",
    "drivers",
    "http",
    "report",
    "simulator",
  ],
};
/** Packages that core may use: none. Ports are types only. */
const PURE_LAYERS = new Set(["core", "ports"]);
/** The conformance suite's and the lab's worlds are not part of the program. */
const OUTSIDE = /(?:^|\/)(?:test|scripts)\//;

const IMPORT = /\b(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']|\bimport\s*\(?\s*["']([^"']+)["']/g;

interface Edge {
  readonly from: string;
  readonly specifier: string;
  /** Path in the repository; null for packages. */
  readonly target: string | null;
}

const layerOf = (path: string): string => path.split("/")[1] ?? "";

const sources = codeFiles().filter((file) => file.path.startsWith("src/"));

const edges: readonly Edge[] = sources.flatMap((file) =>
  [...blankComments(file.text).matchAll(IMPORT)].map((match) => {
    const specifier = match[1] ?? match[2]!;
    const target = specifier.startsWith(".") ? join(dirname(file.path), specifier).replace(/\.js$/, ".ts") : null;
    return { from: file.path, specifier, target };
  }),
);

test("the scan sees imports at all", () => {
  assert.ok(edges.length > sources.length, `${edges.length} imports in ${sources.length} files`);
});

test("every source folder has its place in the direction of imports", () => {
  const unknown = sources.map((file) => layerOf(file.path)).filter((layer) => LAYERS[layer] === undefined);
  assert.deepEqual([...new Set(unknown)], []);
});

test("imports point along the direction core <- ports <- trace <- {agent, scheduler, telemetry, estimator} <- http <- cli", () => {
  const wrong = edges.filter(({ from, target }) => {
    if (target === null) return false;
    const [own, other] = [layerOf(from), layerOf(target)];
    return !target.startsWith("src/") || (own !== other && !LAYERS[own]?.includes(other));
  });
  assert.deepEqual(
    wrong.map(({ from, target }) => `${from} imports ${target}`),
    [],
  );
});

test("core and ports import no package and nothing of Node", () => {
  const wrong = edges.filter(({ from, target }) => target === null && PURE_LAYERS.has(layerOf(from)));
  assert.deepEqual(
    wrong.map(({ from, specifier }) => `${from} imports ${specifier}`),
    [],
  );
});

test("sources import no tests and no scripts, and only files that exist", () => {
  const wrong = edges.filter(({ target }) => target !== null && (OUTSIDE.test(target) || !repositoryHas(target)));
  assert.deepEqual(
    wrong.map(({ from, specifier }) => `${from} imports ${specifier}`),
    [],
  );
});

test("the dashboard is a client of the public API: of the program's sources it imports types alone", () => {
  const statements = codeFiles()
    .filter((file) => file.path.startsWith("web/src/"))
    .flatMap((file) => [
      ...blankComments(file.text).matchAll(/\bimport\b(?! type\b)[^;]*?from\s*"[^"]*\/src\/[^"]*"/g),
    ]);
  assert.deepEqual(
    statements.map(([statement]) => statement),
    [],
  );
});

test("imports of sources form no cycle", () => {
  const targets = new Map<string, string[]>();
  for (const { from, target } of edges) if (target !== null) targets.set(from, [...(targets.get(from) ?? []), target]);
  const finished = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (finished.has(path)) return;
    if (trail.includes(path)) {
      cycles.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    for (const target of targets.get(path) ?? []) visit(target, [...trail, path]);
    finished.add(path);
  };
  for (const file of sources) visit(file.path, []);
  assert.deepEqual(cycles, []);
});
