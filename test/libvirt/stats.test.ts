/** Statistics: what a real libvirtd said of a real guest is read as it was meant, and gaps become nulls, not zeros. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { domainState, statsOf } from "../../src/drivers/libvirt/stats.js";
import { type ParameterValue, readDomainStats, uuidBytes } from "../../src/drivers/libvirt/wire-types.js";
import { ProtocolError, XdrReader } from "../../src/drivers/libvirt/xdr.js";
import fc from "../support/property.js";

/** The answer of libvirt's test driver (9.0) to the bulk call: one running domain, its state and nothing more. */
const RECORDED_TEST_DRIVER =
  "0000000100000004746573746695eb01f6a4830479aa97f2502e193f00000001000000020000000b73746174652e737461746500000000010000" +
  "00010000000c73746174652e726561736f6e0000000100000000";

const domain = { name: "web-1", uuid: uuidBytes("6695eb01-f6a4-8304-79aa-97f2502e193f"), id: 3 };
const record = (id: number, fields: Record<string, ParameterValue>) => ({
  domain: { ...domain, id },
  parameters: new Map(Object.entries(fields)),
});

test("the test driver's answer gives the state, and nulls for what it does not tell", () => {
  const records = readDomainStats(new XdrReader(Buffer.from(RECORDED_TEST_DRIVER, "hex")));
  assert.deepEqual(records.map(statsOf), [
    {
      name: "test",
      uuid: "6695eb01-f6a4-8304-79aa-97f2502e193f",
      state: "running",
      cpuTimeNs: 0n,
      vcpus: [],
      memory: null,
    },
  ]);
});

test("KiB become MiB, counters stay exact beyond 2^53, vCPUs that are not listed are offline", () => {
  const stats = statsOf(
    record(3, {
      "state.state": 1,
      "state.reason": 1,
      "cpu.time": 9_007_199_254_740_993n,
      "vcpu.current": 1,
      "vcpu.maximum": 2,
      "vcpu.0.state": 1,
      "vcpu.0.time": 9_007_199_254_740_995n,
      "vcpu.0.delay": 12n,
      "balloon.current": 131_072n,
      "balloon.maximum": 262_144n,
      "balloon.unused": 1536n,
      "balloon.rss": 210_000n,
      "balloon.last-update": 1_700_000_000n,
    }),
  );
  assert.equal(stats.cpuTimeNs, 9_007_199_254_740_993n);
  assert.deepEqual(stats.vcpus, [
    { index: 0, online: true, timeNs: 9_007_199_254_740_995n, delayNs: 12n },
    { index: 1, online: false, timeNs: 0n, delayNs: null },
  ]);
  assert.deepEqual(stats.memory, {
    currentMiB: 128,
    maximumMiB: 256,
    unusedMiB: 1.5,
    availableMiB: null,
    usableMiB: null,
    swapInMiB: null,
    swapOutMiB: null,
    lastUpdate: 1_700_000_000,
    rssMiB: 210_000 / 1024,
  });
});

test("what the balloon driver counts and how the CPU time divides is passed on, and absent where it is not told", () => {
  const stats = statsOf(
    record(3, {
      "state.state": 1,
      "cpu.time": 9n,
      "cpu.user": 5n,
      "cpu.system": 4n,
      "vcpu.current": 2,
      "balloon.current": 1024n,
      "balloon.maximum": 1024n,
      "balloon.major_fault": 7n,
      "balloon.disk_caches": 2048n,
    }),
  );
  assert.deepEqual([stats.cpuUserNs, stats.cpuSystemNs, stats.onlineVcpus], [5n, 4n, 2]);
  assert.deepEqual([stats.memory?.majorFaults, stats.memory?.diskCachesMiB], [7, 2]);
  assert.ok(!("minorFaults" in stats.memory!));
});

test("a guest that has not reported yet has no time of its last report", () => {
  const fields = { "state.state": 1, "balloon.current": 1024n, "balloon.maximum": 1024n, "balloon.last-update": 0n };
  assert.equal(statsOf(record(3, fields)).memory?.lastUpdate, null);
});

test("a stopped domain has no vCPUs, memory or CPU time, even where libvirt still tells the last reading", () => {
  const fields = { "state.state": 5, "cpu.time": 5n, "vcpu.maximum": 2, "balloon.current": 1n, "balloon.maximum": 1n };
  const stats = statsOf(record(-1, fields));
  assert.deepEqual([stats.state, stats.cpuTimeNs, stats.vcpus, stats.memory], ["stopped", 0n, [], null]);
});

test("a QEMU that died counts as crashed, a guest about to stop as running", () => {
  assert.equal(domainState(5, 3), "crashed");
  assert.equal(domainState(5, 1), "stopped");
  assert.equal(domainState(4, 0), "running");
  assert.equal(domainState(3, 1), "paused");
  assert.equal(domainState(7, 0), "other");
});

test("a daemon that claims a million vCPUs does not make us list them", () => {
  assert.equal(statsOf(record(3, { "state.state": 1, "vcpu.maximum": 1_000_000 })).vcpus.length, 8192);
});

test("a damaged answer is a ProtocolError, never a crash or a wrong number of domains", () => {
  const good = Buffer.from(RECORDED_TEST_DRIVER, "hex");
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, end) => {
      const damaged = Buffer.from(good);
      damaged[at] = value;
      try {
        readDomainStats(new XdrReader(damaged.subarray(0, end))).map(statsOf);
      } catch (error) {
        assert.ok(error instanceof ProtocolError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});
