/** The decisions of the protocol, as tables: what follows from each answer, and from each silence. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { mib, ratio } from "../../src/core/units.js";
import type {
  ChangeOutcome,
  HostReport,
  HostStatus,
  NoAnswer,
  ReportedVm,
  RevokeOutcome,
} from "../../src/ports/agent-client.js";
import type { VmView } from "../../src/ports/agent-views.js";
import { doubtsIn, judge } from "../../src/scheduler/look.js";
import { VM_RECORDS, type VmRecord } from "../../src/scheduler/record-model.js";
import {
  afterDeploy,
  afterDeployRevoked,
  afterMachineLost,
  afterReceive,
  afterRemove,
  afterResize,
  afterResizeRevoked,
  afterSend,
  hostsOf,
  migratingRecord,
  placedRecord,
  sourceAfter,
} from "../../src/scheduler/record-steps.js";

const vm: ReportedVm = {
  name: "web",
  uuid: "u1",
  requestId: "q1",
  vcpus: 2,
  memoryMiB: mib(1024),
  ratio: ratio(2),
  vcpuRatios: [ratio(2), ratio(2)],
  image: null,
  state: "running",
};
const usage = { cpuPcpus: null, waitPcpus: null, memoryMiB: null };
const view: VmView = { ...vm, pins: [], deployedHere: true, usage };
// Nothing here looks into it.
const status = {} as HostStatus;

const placed: VmRecord = {
  removal: null,
  name: "web",
  vcpus: 2,
  memoryMiB: mib(1024),
  ratio: ratio(2),
  image: null,
  antiAffinity: null,
  constraints: null,
  target: null,
  phase: "placed",
  host: "h1",
  machineId: "m1",
  requestId: "k1",
  pending: null,
  to: null,
  uuid: "u1",
};
const reserved: VmRecord = { ...placed, phase: "reserved", pending: "q1", uuid: null };
const removing: VmRecord = { ...placed, phase: "removing", pending: "q2" };
const resizing: VmRecord = { ...placed, phase: "resizing", pending: "q3", to: { ...placed, vcpus: 4 } };
const lost: VmRecord = { ...placed, phase: "lost" };

const accepted: ChangeOutcome = { kind: "accepted", vm: view, status };
const refused = (code: "no-cpu-capacity" | "name-taken" | "unknown-vm" | "busy"): ChangeOutcome => ({
  kind: "refused",
  refusal: { code, reason: "" },
  status,
});
const lostAnswer: NoAnswer = { kind: "unanswered", reason: "", notSent: false };
const notSent: NoAnswer = { kind: "unanswered", reason: "", notSent: true };
const failed: NoAnswer = { kind: "failed", code: "hypervisor-failed", reason: "" };
const stale: NoAnswer = { kind: "stale-leader", reason: "", epoch: 9 };
const unauthorised: NoAnswer = { kind: "unauthorised", reason: "" };

const kindsOf = <T>(outcomes: readonly T[], step: (outcome: T) => { readonly kind: string }): string[] =>
  outcomes.map((outcome) => step(outcome).kind);

test("a deploy goes to the next host only when it is certain that this one never runs it", () => {
  const certain = [refused("no-cpu-capacity"), refused("busy"), notSent, stale, unauthorised];
  assert.deepEqual(
    kindsOf(certain, afterDeploy),
    certain.map(() => "elsewhere"),
  );
  assert.deepEqual(kindsOf([lostAnswer, failed], afterDeploy), ["unknown", "unknown"]);
  assert.equal(afterDeploy(accepted).kind, "placed");
  assert.equal(afterDeploy(refused("name-taken")).kind, "refused");
});

test("an unanswered deploy is settled by nothing but the agent's word", () => {
  const done: RevokeOutcome = { kind: "done", vm, view, status };
  assert.deepEqual(kindsOf([done, { ...done, vm: null, view: null }], afterDeployRevoked), ["placed", "free"]);
  assert.equal(afterDeployRevoked({ kind: "revoked", vm: null, status }).kind, "free");
  assert.equal(afterDeployRevoked({ kind: "revoked", vm, status }).kind, "free", "another request's VM of that name");
  const silent = [lostAnswer, notSent, failed, stale, unauthorised];
  assert.deepEqual(
    kindsOf(silent, afterDeployRevoked),
    silent.map(() => "unknown"),
  );
});

test("a removal is repeated until the agent confirms it, or says that the VM stays", () => {
  assert.deepEqual(kindsOf([accepted, refused("unknown-vm")], afterRemove), ["gone", "gone"]);
  assert.equal(afterRemove(refused("busy")).kind, "kept");
  const silent = [lostAnswer, notSent, failed, stale, unauthorised];
  assert.deepEqual(
    kindsOf(silent, afterRemove),
    silent.map(() => "unknown"),
  );
});

test("a resize is what the agent says the VM is", () => {
  assert.equal(afterResize(accepted).kind, "resized");
  assert.equal(afterResize(refused("no-cpu-capacity")).kind, "kept");
  assert.deepEqual(kindsOf([notSent, stale, unauthorised], afterResize), ["undone", "undone", "undone"]);
  assert.deepEqual(kindsOf([lostAnswer, failed], afterResize), ["unknown", "unknown"]);
  const revoked = afterResizeRevoked({ kind: "revoked", vm: { ...vm, vcpus: 3 }, status });
  assert.ok(revoked.kind === "settled" && !revoked.done && revoked.vm?.size.vcpus === 3);
  assert.equal(afterResizeRevoked(lostAnswer).kind, "unknown");
});

test("with the machine goes what was never confirmed, and what was to go; the rest is kept as lost", () => {
  assert.deepEqual([afterMachineLost(reserved), afterMachineLost(removing)], [null, null]);
  for (const record of [placed, resizing]) assert.deepEqual(afterMachineLost(record), lost);
});

test("what a host has is judged against the record of that moment", () => {
  const other = { ...vm, uuid: "u2", requestId: "q9" };
  const cases: readonly [VmRecord | null, ReportedVm | null, string][] = [
    [null, null, "nothing"],
    [null, vm, "adopt"],
    [placed, vm, "nothing"],
    [placed, null, "vanished"],
    [placed, other, "correct"],
    [placed, { ...vm, vcpus: 4 }, "correct"],
    [reserved, null, "nothing"],
    [reserved, vm, "nothing"],
    [reserved, other, "wait"],
    [removing, null, "nothing"],
    [resizing, null, "nothing"],
    [resizing, { ...vm, vcpus: 4 }, "nothing"],
    [lost, null, "nothing"],
    [lost, vm, "correct"],
    [lost, other, "adopt"],
  ];
  for (const [record, found, kind] of cases)
    assert.equal(judge(record, "h1", found).kind, kind, `${record?.phase}, ${found?.uuid}`);
  assert.equal(judge(placed, "h2", vm).kind, "elsewhere");
  assert.equal(judge(placed, "h2", null).kind, "nothing");
});

test("a report raises doubts about exactly the VMs that it tells differently", () => {
  const records = new Map<string, VmRecord>([
    ["web", placed],
    ["gone", { ...placed, name: "gone" }],
    ["young", { ...reserved, name: "young" }],
    ["moved", { ...placed, name: "moved", host: "h2" }],
  ]);
  const report: HostReport = { status, vms: [vm, { ...vm, name: "new" }, { ...vm, name: "moved" }] };
  const here = ["web", "gone", "young"];
  assert.deepEqual(doubtsIn(report, "h1", here, (name) => records.get(name) ?? null).sort(), ["gone", "moved", "new"]);
});

test("records read back as they were written, and damage is named", () => {
  for (const record of [placed, reserved, removing, lost])
    assert.deepEqual(VM_RECORDS.decode("vms/web", JSON.stringify(record)), record);
  assert.throws(() => VM_RECORDS.decode("vms/web", "{"), /vms\/web is not JSON/);
  assert.throws(() => VM_RECORDS.decode("vms/web", JSON.stringify({ ...placed, vcpus: 0 })), /vms\/web.*vcpus/);
});

describe("a move", () => {
  const migrating = migratingRecord(placed, { host: "h2", machineId: "m2", agentRequest: "q4" });
  const moving: ChangeOutcome = { kind: "accepted", vm: { ...view, state: "migrating", pins: ["0-3"] }, status };
  const silent = [lostAnswer, notSent, failed, stale, unauthorised];

  test("has room once the destination says so, and none only on its word", () => {
    const address = "qemu+tls://h2/system";
    const room = { kind: "room", address, pins: ["0-3"] };
    assert.deepEqual(afterReceive({ ...moving, status: { ...status, migrationAddress: address } }), room);
    assert.equal(afterReceive({ ...moving, status: { ...status, migrationAddress: null } }).kind, "none");
    assert.equal(afterReceive(refused("no-cpu-capacity")).kind, "none");
    assert.deepEqual(
      kindsOf(silent, afterReceive),
      silent.map(() => "unknown"),
    );
  });

  test("is open until the source says that the VM has gone, or stays", () => {
    assert.deepEqual(kindsOf([moving, accepted, refused("unknown-vm")], afterSend), ["open", "gone", "gone"]);
    assert.deepEqual(afterSend(refused("busy")), { kind: "stays", why: "", passing: true });
    assert.deepEqual(afterSend(refused("no-cpu-capacity")), { kind: "stays", why: "", passing: false });
    assert.deepEqual(
      kindsOf(silent, afterSend),
      silent.map(() => "open"),
    );
  });

  test("that is revoked leaves the VM at the source only if that very VM is there", () => {
    const kept = { kind: "revoked", vm, status } as const;
    assert.equal(sourceAfter(kept, "u1").kind, "kept");
    assert.equal(sourceAfter(kept, "u2").kind, "gone");
    assert.equal(sourceAfter({ ...kept, vm: null }, "u1").kind, "gone");
    assert.equal(sourceAfter({ kind: "done", vm: null, view: null, status }, "u1").kind, "gone");
    assert.equal(sourceAfter(null, "u1").kind, "gone", "its machine is no more");
    for (const silence of silent) assert.equal(sourceAfter(silence, "u1").kind, "unknown");
  });

  test("claims room on both hosts, and neither host's report of the VM is a doubt", () => {
    assert.deepEqual(hostsOf(migrating), ["h1", "h2"]);
    assert.deepEqual(hostsOf(placedRecord(migrating, { uuid: "u1", size: placed })), ["h1"]);
    for (const host of ["h1", "h2"]) assert.equal(judge(migrating, host, vm).kind, "nothing");
    assert.equal(judge(migrating, "h3", vm).kind, "elsewhere");
    assert.equal(judge({ ...placed, host: "h2" }, "h1", { ...vm, state: "migrating" }).kind, "wait");
  });

  test("survives the store, and records of before have none", () => {
    const key = "vms/web";
    assert.deepEqual(VM_RECORDS.decode(key, JSON.stringify(migrating)), migrating);
    const { target: _, constraints: __, ...old } = placed;
    assert.deepEqual(VM_RECORDS.decode(key, JSON.stringify(old)), placed);
  });
});
