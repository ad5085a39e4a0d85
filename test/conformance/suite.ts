/**
 * The contract of src/ports/hypervisor.ts as tests, run over every backend: the fake here, libvirt's test driver and real
 * QEMU beside the libvirt driver. What holds on one and not on the other would make tests on the fake worthless.
 */
import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import type { Hypervisor } from "../../src/ports/hypervisor.js";
import { type Backend, Domains } from "./backend.js";
import { definitionPromises } from "./definitions.js";
import { eventPromises } from "./events.js";
import { migrationPromises } from "./migration.js";
import { pinPromises } from "./pins.js";
import { sizePromises } from "./sizes.js";
import { statisticsPromises } from "./statistics.js";

/** What the groups of promises work on. Filled before the first test. */
export interface Bench {
  readonly backend: Backend;
  readonly hypervisor: Hypervisor;
  readonly domains: Domains;
}

/**
 * Declares the suite for one backend. `factory` is called once; `skip` gives the reason where the machine cannot run it.
 */
export function hypervisorConformance(
  name: string,
  factory: () => Promise<Backend>,
  options: { readonly skip?: string | false } = {},
): void {
  describe(`${name} keeps the hypervisor contract`, { skip: options.skip ?? false }, () => {
    let made: Bench | undefined;
    const bench = (): Bench => {
      assert.ok(made, "the backend was not made");
      return made;
    };

    before(async () => {
      const backend = await factory();
      await backend.hypervisor.connect();
      // The process id keeps two runs on one hypervisor apart.
      const domains = new Domains(backend.hypervisor, `conformance-${process.pid}-`);
      made = { backend, hypervisor: backend.hypervisor, domains };
    });
    afterEach(() => bench().domains.removeAll());
    after(async () => {
      await made?.hypervisor.close();
      await made?.backend.cleanup();
    });

    test("the host names its pCPUs, memory and versions", async () => {
      const host = await bench().hypervisor.host();
      assert.ok(host.pcpus.length > 0);
      assert.ok(host.memoryMiB > 0);
      for (const text of [host.hostname, host.accelerator, host.hypervisorVersion, host.driverVersion]) {
        assert.notEqual(text, "");
      }
    });
    test("the host's memory, where it is told, is not less than what of it is available", async () => {
      const memory = await bench().hypervisor.memory();
      assert.ok(memory === null || (memory.totalMiB > 0 && memory.availableMiB >= 0));
      assert.ok(memory === null || memory.availableMiB <= memory.totalMiB);
    });
    definitionPromises(bench);
    pinPromises(bench);
    sizePromises(bench);
    statisticsPromises(bench);
    eventPromises(bench);
    migrationPromises(bench);
  });
}
