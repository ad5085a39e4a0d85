/** What every store of samples holds its callers to; a broken promise is a bug, and nothing of the call is taken. */
import { assert } from "../../../core/assert.js";
import { isMetricName, METRIC_NAME_RULE } from "../../../core/telemetry/metric-name.js";
import type { Sample } from "../../../ports/sample-store.js";

/** Names that were seen to be right: there are some dozens, and samples by the million. */
const knownNames = new Set<string>();
const MOST_KNOWN = 10_000;

function checkName(name: string): void {
  if (knownNames.has(name)) return;
  assert(isMetricName(name), `a metric is named ${METRIC_NAME_RULE}, and not ${JSON.stringify(name)}`);
  if (knownNames.size < MOST_KNOWN) knownNames.add(name);
}

/** What libvirt and URLs cannot have anyway, line protocols cannot carry. */
const isSourceName = (name: string): boolean => name !== "" && !/[\0\r\n]/.test(name);

export function checkSamples(samples: readonly Sample[]): void {
  for (const { host, vm, at, values } of samples) {
    assert(isSourceName(host), `a host's name has characters, and no line end: ${JSON.stringify(host)}`);
    assert(vm === null || isSourceName(vm), `a VM's name has characters, and no line end: ${JSON.stringify(vm)}`);
    assert(Number.isSafeInteger(at) && at >= 0, `a sample's time is a whole number of milliseconds, and not ${at}`);
    for (const name in values) {
      checkName(name);
      assert(Number.isFinite(values[name]), `a sample's values are finite, and ${name} of ${host} is ${values[name]}`);
    }
  }
}
