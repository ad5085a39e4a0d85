/** A process to be killed: starts guests on the fake at the address given, one after another, and names each that is running. */
import { cpuSetOf } from "../../src/core/cpuset.js";
import { openFake } from "../../src/drivers/fake/fake-uri.js";
import { spec } from "./fake-hosts.js";

const { hypervisor } = openFake(process.argv[2]!);
await hypervisor.connect();
for (let number = 1; ; number++) {
  const name = `vm-${number}`;
  await hypervisor.define(spec(name, [number % 8]));
  await hypervisor.start(name);
  await hypervisor.pinVcpu(name, 0, cpuSetOf([(number + 1) % 8]));
  process.stdout.write(`${name}\n`);
  await new Promise((resolve) => setImmediate(resolve));
}
