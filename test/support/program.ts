/** How tests start `headroom` as a process: what `make test` has built a moment ago, or the sources where nothing says so. */
import { fileURLToPath } from "node:url";

const path = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** scripts/test.mjs says so after its build; a single file may run after any edit, and then the build says nothing of it. */
export const IS_BUILT = process.env.HEADROOM_TEST_BUILT === "yes";

/** The words for Node in front of those for `headroom`. From the build it starts in a third of the time. */
export const PROGRAM: readonly string[] = IS_BUILT
  ? [path("bin/start.cjs")]
  : ["--import", fileURLToPath(import.meta.resolve("tsx")), path("src/cli/main.ts")];
