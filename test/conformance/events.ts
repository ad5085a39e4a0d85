/** The conformance suite on events and connections: what happens is told in order, and closing harms nobody. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Hypervisor, HypervisorEvent } from "../../src/ports/hypervisor.js";
import { fails } from "./backend.js";
import type { Bench } from "./suite.js";

/** Events may come a little after the answer to the call that caused them. */
const EVENT_DELAY_MS = 300;

function record(hypervisor: Hypervisor, name: () => string): { readonly kinds: string[]; readonly end: () => void } {
  const kinds: string[] = [];
  const end = hypervisor.subscribe((event: HypervisorEvent) => {
    if ("name" in event && event.name === name()) kinds.push(event.kind);
  });
  return { kinds, end };
}

export function eventPromises(bench: () => Bench): void {
  test("a domain's life is told in order", async () => {
    const { hypervisor, domains, backend } = bench();
    const spec = await domains.spec("told");
    const { kinds, end } = record(hypervisor, () => spec.name);
    await hypervisor.define(spec);
    await hypervisor.start(spec.name);
    await hypervisor.destroy(spec.name);
    await hypervisor.undefine(spec.name);
    await backend.pass(EVENT_DELAY_MS);
    end();
    const milestones = kinds.filter((kind) => ["defined", "started", "stopped", "undefined"].includes(kind));
    assert.deepEqual(milestones, ["defined", "started", "stopped", "undefined"]);
  });

  test("an event carries the domain's uuid", async () => {
    const { hypervisor, domains, backend } = bench();
    const spec = await domains.spec("identified");
    const uuids = new Set<string>();
    const end = hypervisor.subscribe((event) => {
      if ("name" in event && event.name === spec.name) uuids.add(event.uuid);
    });
    await hypervisor.define(spec);
    await backend.pass(EVENT_DELAY_MS);
    end();
    assert.deepEqual([...uuids], [spec.uuid]);
  });

  test("an ended subscription hears nothing more, and ending it twice is no error", async () => {
    const { hypervisor, domains, backend } = bench();
    const spec = await domains.spec("unheard");
    const { kinds, end } = record(hypervisor, () => spec.name);
    end();
    end();
    await hypervisor.define(spec);
    await backend.pass(EVENT_DELAY_MS);
    assert.deepEqual(kinds, []);
  });

  test("two connections see one world, and hear of each other's doings", async () => {
    const { hypervisor, domains, backend } = bench();
    const other = backend.another();
    await other.connect();
    try {
      const spec = await domains.spec("shared");
      const { kinds, end } = record(other, () => spec.name);
      await hypervisor.define(spec);
      await backend.pass(EVENT_DELAY_MS);
      end();
      assert.ok(kinds.includes("defined"));
      assert.equal((await other.detail(spec.name))?.uuid, spec.uuid);
    } finally {
      await other.close();
    }
  });

  test("closing is idempotent, leaves guests running, and ends the connection's calls", async () => {
    const { hypervisor, domains, backend } = bench();
    const spec = await domains.started("outlives");
    const other = backend.another();
    await other.connect();
    assert.equal(other.isConnected(), true);
    await other.close();
    await other.close();
    assert.equal(other.isConnected(), false);
    await fails(other.stats(), "hypervisor-unreachable");
    assert.equal((await hypervisor.detail(spec.name))?.state, "running");
  });

  test("closing what was never opened is no error, and calls on it say that it is unreachable", async () => {
    const never = bench().backend.another();
    assert.equal(never.isConnected(), false);
    await fails(never.stats(), "hypervisor-unreachable");
    await never.close();
  });
}
