/** What a test wants of a result. */
import assert from "node:assert/strict";
import type { ClusterRefusal, ClusterResult } from "../../src/scheduler/service.js";

export function accepted<T>(result: ClusterResult<T>): T {
  assert.ok(result.ok, result.ok ? "" : `refused: ${result.refusal.reason}`);
  return result.value;
}

export function refused<T>(result: ClusterResult<T>): ClusterRefusal {
  assert.ok(!result.ok, "it was accepted");
  return result.refusal;
}
