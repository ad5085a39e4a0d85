/** When V8 optimizes: for commands that mostly work for a fraction of a second. */
import { setFlagsFromString } from "node:v8";

/** Bytecode that a function runs between V8's looks at it; by default 15 times less. Newer V8s have no such flag, and say so aloud. */
const BUDGET = 1_000_000;
const WITH_BUDGET = /^v20\./;

/**
 * By default every function that runs a few thousand times is optimized, which for a trace of 12 windows takes longer than
 * reading it. So, only loops over its bytes are, at once; the others are where a trace is long enough. On Node 22 and newer V8
 * decides as it does by default.
 */
export function optimizeLate(): void {
  if (WITH_BUDGET.test(process.version)) setFlagsFromString(`--interrupt-budget=${BUDGET}`);
}
