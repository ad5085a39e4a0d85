/** The program's threads run what was built; these run the source. `script`: its address. */
import { Worker } from "node:worker_threads";

export const sourceThread = (script: URL) => (): Worker =>
  new Worker(
    `import("tsx/esm/api").then(({ register }) => { register(); return import(${JSON.stringify(script.href)}); });`,
    {
      eval: true,
    },
  );
