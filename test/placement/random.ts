/** Hosts, shapes and constraints for the placement tests: few values each, so that classes and ties are common. */
import type { Constraints, HostSummary, PoolSummary, VmShape } from "../../src/core/placement/model.js";
import { mib, pcpus, type Ratio, ratio } from "../../src/core/units.js";
import fc from "../support/property.js";

export const EMPTY_HOST: HostSummary = {
  id: "h0",
  policy: "headroom",
  template: null,
  criticalSize: 0,
  ratiosOffered: null,
  totalPcpus: 32,
  usablePcpus: 32,
  memoryCapacityMiB: mib(128 * 1024),
  labels: {},
  images: null,
  state: "up",
  cordoned: false,
  freePcpus: 32,
  pools: [],
  memoryAllocatedMiB: mib(0),
  antiAffinityGroups: [],
  forecast: null,
  generation: 0,
};

export const host = (id: string, changes: Partial<HostSummary> = {}): HostSummary => ({
  ...EMPTY_HOST,
  id,
  ...changes,
});

export const shape = (vcpus: number, memoryGiB: number, asked: number | null = 1): VmShape => ({
  vcpus,
  memoryMiB: mib(memoryGiB * 1024),
  ratio: asked === null ? null : ratio(asked),
});

export const pool = (asked: number, size: number, allocatedVcpus: number, vmCount = 1): PoolSummary => ({
  ratio: ratio(asked),
  pcpus: size,
  allocatedVcpus,
  vmCount,
  largestVmVcpus: Math.min(size, allocatedVcpus),
});

const RATIOS = [1, 2, 2.6].map(ratio);
const TEMPLATE = [1, 1.5, 2.6].map(ratio);

const randomPool = (of: Ratio): fc.Arbitrary<PoolSummary | null> =>
  fc.option(
    fc
      .record({ size: fc.constantFrom(0, 3, 4), vmCount: fc.integer({ min: 1, max: 3 }), slack: fc.nat(1) })
      .map(({ size, vmCount, slack }) => pool(of, size, Math.max(0, Math.floor(size * of) - slack), vmCount)),
  );

const randomProfile = fc.record({
  policy: fc.constantFrom("headroom", "slackvm", "vmstack", "sweetspotvm"),
  perVcpu: fc.boolean(),
  criticalSize: fc.constantFrom(0, 2),
  ratiosOffered: fc.constantFrom(null, [ratio(1), ratio(2)], { least: ratio(1), most: ratio(2.5) }),
  usablePcpus: fc.constantFrom(12, 16),
  reserved: fc.constantFrom(0, 2),
  labels: fc.constantFrom<Record<string, string>>({}, { zone: "a" }, { zone: "b", disk: "fast" }),
  images: fc.constantFrom(null, ["/images"], ["/images/debian.qcow2", "/more/"]),
});

type RandomProfile = typeof randomProfile extends fc.Arbitrary<infer P> ? P : never;

/** What the hosts of a cluster can be: one or two profiles, so that hosts have a chance to be equal. */
export const randomFleet: fc.Arbitrary<readonly RandomProfile[]> = fc.array(randomProfile, {
  minLength: 1,
  maxLength: 2,
});

/** A host under one of a few ids. */
export const randomHost = (ids: number, fleet: readonly RandomProfile[]): fc.Arbitrary<HostSummary> =>
  fc
    .record({
      id: fc.nat(ids - 1).map((n) => `h${n}`),
      profile: fc.constantFrom(...fleet),
      pools: fc.tuple(...RATIOS.map(randomPool)),
      memoryGiB: fc.constantFrom(0, 8, 31),
      state: fc.constantFrom("up", "up", "up", "up", "suspect", "down"),
      cordoned: fc.constantFrom(false, false, false, true),
      groups: fc.subarray(["db", "web"]),
      estimated: fc.constantFrom(null, 0, 3, 3.05, 40),
      reversed: fc.boolean(),
    })
    .map(({ id, profile, pools, memoryGiB, state, cordoned, groups, estimated, reversed }) => {
      const { policy, perVcpu, criticalSize, ratiosOffered, usablePcpus, reserved, labels, images } = profile;
      const present = pools.filter((one) => one !== null);
      let freePcpus: number = usablePcpus;
      const fitting = present.filter((one) => {
        if (one.pcpus > freePcpus) return false;
        freePcpus -= one.pcpus;
        return true;
      });
      const hasTemplate = policy === "sweetspotvm" || (policy === "headroom" && perVcpu);
      return host(id, {
        policy,
        template: hasTemplate ? TEMPLATE : null,
        criticalSize,
        ratiosOffered,
        totalPcpus: usablePcpus + reserved,
        usablePcpus,
        memoryCapacityMiB: mib(32 * 1024),
        labels,
        images,
        state,
        cordoned,
        freePcpus,
        pools: reversed ? fitting.reverse() : fitting,
        memoryAllocatedMiB: mib(memoryGiB * 1024),
        antiAffinityGroups: groups,
        forecast:
          estimated === null
            ? null
            : {
                pcpus: pcpus(estimated),
                memoryMiB: estimated === 0 ? null : mib(1024 * (10 + estimated)),
                machineMemoryMiB: mib(32 * 1024),
                vcpusThen: Math.floor(estimated * 2),
                memoryThenMiB: mib(8 * 1024),
              },
      });
    });

export const randomShape: fc.Arbitrary<VmShape> = fc
  .record({
    vcpus: fc.constantFrom(1, 2, 3, 8, 20),
    memoryGiB: fc.constantFrom(0, 1, 4, 24),
    asked: fc.constantFrom(null, 1, 2, 2.6, 3, 1.23456789),
  })
  .map(({ vcpus, memoryGiB, asked }) => shape(vcpus, memoryGiB, asked));

export const randomConstraints: fc.Arbitrary<Constraints> = fc.record({
  image: fc.constantFrom(null, null, "/images/debian.qcow2", "/more/alpine.qcow2", "/elsewhere/x.qcow2"),
  labels: fc.constantFrom<Record<string, string>>({}, {}, { zone: "a" }, { zone: "b", disk: "fast" }, { zone: "c" }),
  antiAffinityGroup: fc.constantFrom(null, null, "db", "web"),
});
