/** What each filter lets through, and what it says of the others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { growthPcpus } from "../../src/core/placement/arithmetic.js";
import { antiAffinityFilter } from "../../src/core/placement/filters/anti-affinity/filter.js";
import { cpuPoolFitFilter } from "../../src/core/placement/filters/cpu-pool-fit/filter.js";
import { estimatedCpuFilter, estimatedMemoryFilter } from "../../src/core/placement/filters/estimate/filter.js";
import { imageFilter } from "../../src/core/placement/filters/image/filter.js";
import { labelsFilter } from "../../src/core/placement/filters/labels/filter.js";
import { memoryFilter } from "../../src/core/placement/filters/memory/filter.js";
import { ratioOfferedFilter } from "../../src/core/placement/filters/ratio-offered/filter.js";
import { stateFilter } from "../../src/core/placement/filters/state/filter.js";
import { type HostSummary, NO_CONSTRAINTS, type ShapeFilter, type VmShape } from "../../src/core/placement/model.js";
import { mib, pcpus, ratio } from "../../src/core/units.js";
import { host, pool, shape } from "./random.js";

function verdict(filter: ShapeFilter, changes: Partial<HostSummary>, asked: VmShape): string | null {
  const summary = host("h", changes);
  const veto = filter.veto(
    { host: summary, shape: asked, growthPcpus: growthPcpus(summary, asked) },
    filter.fact?.(summary) ?? 0,
  );
  return veto === null ? null : veto();
}

test("state: hosts that are up and not cordoned take VMs, others say why not", () => {
  const vm = shape(1, 1);
  assert.equal(verdict(stateFilter, {}, vm), null);
  assert.equal(verdict(stateFilter, { state: "suspect" }, vm), "the host missed its last reports");
  assert.equal(verdict(stateFilter, { state: "down", cordoned: true }, vm), "the host is down");
  assert.equal(verdict(stateFilter, { cordoned: true }, vm), "the host is cordoned");
});

test("estimate: what is left beside the expected peak takes the VM in full; nothing is known without an estimate", () => {
  const forecast = (cpu: number | null, memoryGiB: number | null) => ({
    pcpus: cpu === null ? null : pcpus(cpu),
    memoryMiB: memoryGiB === null ? null : mib(memoryGiB * 1024),
    machineMemoryMiB: mib(128 * 1024),
    vcpusThen: 40,
    memoryThenMiB: mib(64 * 1024),
  });
  const pools = [pool(3, 14, 40, 10)];
  const with30 = { forecast: forecast(30, 100), pools, memoryAllocatedMiB: mib(64 * 1024) };
  assert.equal(verdict(estimatedCpuFilter, with30, shape(2, 1, 3)), null);
  assert.equal(
    verdict(estimatedCpuFilter, with30, shape(3, 1, 3)),
    "3 vCPUs; beside the expected peak 2 of 32 pCPUs are free",
  );
  assert.equal(verdict(estimatedMemoryFilter, with30, shape(1, 28, 3)), null);
  assert.match(
    verdict(estimatedMemoryFilter, with30, shape(1, 29, 3)) ?? "",
    /beside the expected peak 28 GiB are free/,
  );
  // What was placed since counts in full.
  const since = { ...with30, pools: [pool(3, 14, 41, 11)], memoryAllocatedMiB: mib(80 * 1024) };
  assert.notEqual(verdict(estimatedCpuFilter, since, shape(2, 1, 3)), null);
  assert.match(verdict(estimatedMemoryFilter, since, shape(1, 13, 3)) ?? "", /12 GiB are free/);
  // What was sold at ratio 1 is the VM's, used or not.
  const exclusive = { forecast: forecast(1, 1), pools: [pool(1, 28, 28, 7)] };
  assert.equal(verdict(estimatedCpuFilter, exclusive, shape(4, 1, 1)), null);
  assert.notEqual(verdict(estimatedCpuFilter, exclusive, shape(5, 1, 1)), null);
  for (const none of [null, forecast(null, null)]) {
    assert.equal(verdict(estimatedCpuFilter, { forecast: none, pools }, shape(32, 1, 3)), null);
    assert.equal(verdict(estimatedMemoryFilter, { forecast: none, pools }, shape(1, 128, 3)), null);
  }
});

test("memory: what is free is enough to the last MiB", () => {
  const half = { memoryAllocatedMiB: mib(64 * 1024) };
  assert.equal(verdict(memoryFilter, half, shape(1, 64)), null);
  const more = { ...shape(1, 64), memoryMiB: mib(64 * 1024 + 1) };
  assert.equal(verdict(memoryFilter, half, more), "the VM needs 65537 MiB, 65536 of 131072 MiB are free");
});

test("ratio-offered: a list, a range, any; and what a policy can count with", () => {
  const asks = (changes: Partial<HostSummary>, asked: number | null) =>
    verdict(ratioOfferedFilter, changes, shape(1, 1, asked));
  const list = { ratiosOffered: [1, 2].map(ratio) };
  const range = { ratiosOffered: { least: ratio(1), most: ratio(2.6) } };
  assert.equal(asks(list, 2), null);
  assert.equal(asks(list, 3), "the ratio 3 is not offered, only 1, 2");
  assert.equal(asks(range, 2.6), null);
  assert.equal(asks(range, 2.7), "the ratio 2.7 is not offered, only 1 to 2.6");
  assert.equal(asks({}, 17), null);
  assert.equal(asks({}, 0.5), "0.5 is no allocation ratio for the policy headroom");
  assert.equal(asks({}, 1.23456789), "1.23456789 is no allocation ratio for the policy headroom");
  assert.equal(asks({ policy: "slackvm" }, 1.23456789), null);
});

test("ratio-offered: under a template VMs carry no ratio, else they must", () => {
  const perVcpu = { template: [1, 2.6].map(ratio) };
  assert.equal(verdict(ratioOfferedFilter, perVcpu, shape(1, 1, null)), null);
  assert.equal(
    verdict(ratioOfferedFilter, perVcpu, shape(1, 1, 2)),
    "the VM asks for the ratio 2, here the template 1,2.6 decides",
  );
  assert.equal(
    verdict(ratioOfferedFilter, {}, shape(1, 1, null)),
    "the VM asks for no ratio, and this host has no template",
  );
});

test("cpu-pool-fit: a pool's room counts, growth takes free pCPUs, and no VM is oversubscribed with itself", () => {
  // 3:1 with 4 pCPUs and 6 vCPUs: 6 more fit without growth, 7 need one pCPU.
  const full = { freePcpus: 0, pools: [pool(3, 4, 6), pool(1, 28, 28)] };
  const nearly = { freePcpus: 1, pools: [pool(3, 4, 6), pool(1, 27, 27)] };
  assert.equal(verdict(cpuPoolFitFilter, full, shape(4, 1, 3)), null);
  // Six vCPUs fit the ratio, but one VM of six needs six pCPUs.
  assert.equal(verdict(cpuPoolFitFilter, full, shape(6, 1, 3)), "its pools would need 2 more pCPUs, 0 of 32 are free");
  assert.equal(verdict(cpuPoolFitFilter, nearly, shape(5, 1, 3)), null);
  assert.equal(verdict(cpuPoolFitFilter, full, shape(1, 1, 2)), "its pools would need 1 more pCPUs, 0 of 32 are free");
  assert.equal(
    verdict(cpuPoolFitFilter, {}, shape(33, 1, 3)),
    "the VM has 33 vCPUs, the whole host has 32 pCPUs for VMs",
  );
});

test("labels: all that are asked for, with their values; names of Object.prototype are labels like others", () => {
  const asks = (labels: Record<string, string>) => {
    const veto = labelsFilter.veto(host("h", { labels: { zone: "a", disk: "fast" } }), { ...NO_CONSTRAINTS, labels });
    return veto === null ? null : veto();
  };
  assert.equal(asks({}), null);
  assert.equal(asks({ zone: "a", disk: "fast" }), null);
  assert.equal(asks({ zone: "a", disk: "slow" }), 'the label disk is "fast", the request wants "slow"');
  assert.equal(asks({ gpu: "yes" }), 'the label gpu is not set, the request wants "yes"');
  assert.equal(asks({ constructor: "x" }), 'the label constructor is not set, the request wants "x"');
});

test("image: known images and what lies below known folders; a host that said nothing is not kept out", () => {
  const asks = (images: readonly string[] | null, image: string | null) =>
    imageFilter.veto(host("h", { images }), { ...NO_CONSTRAINTS, image })?.() ?? null;
  assert.equal(asks([], null), null);
  assert.equal(asks(null, "/images/a.qcow2"), null);
  assert.equal(asks(["/images"], "/images/a.qcow2"), null);
  assert.equal(asks(["/images/"], "/images/deeper/a.qcow2"), null);
  assert.equal(asks(["/images/a.qcow2"], "/images/a.qcow2"), null);
  assert.equal(asks(["/images"], "/images-old/a.qcow2"), "the image /images-old/a.qcow2 is not on this host");
  assert.equal(asks([], "/images/a.qcow2"), "the image /images/a.qcow2 is not on this host");
});

test("anti-affinity: no second VM of a group", () => {
  const asks = (antiAffinityGroup: string | null) =>
    antiAffinityFilter.veto(host("h", { antiAffinityGroups: ["db"] }), { ...NO_CONSTRAINTS, antiAffinityGroup })?.() ??
    null;
  assert.equal(asks(null), null);
  assert.equal(asks("web"), null);
  assert.equal(asks("db"), 'the host has a VM of the group "db" already');
});
