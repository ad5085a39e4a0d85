/**
 * Probe and collector on a real libvirtd with real guests of known load, for more than a minute, against `virsh domstats` and /proc.
 * The agent shows its probe's metrics in Prometheus' form, a probe beside it in the flat form; one collector scrapes both. In between
 * a VM is started, another one's QEMU is killed, and that VM is started again.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { milliseconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { Collector } from "../../src/telemetry/collector/collector.js";
import { fixedEndpoints } from "../../src/telemetry/collector/endpoint-sources.js";
import { fetchText } from "../../src/telemetry/collector/fetch-text.js";
import { SampleWriter } from "../../src/telemetry/collector/sample-writer.js";
import { Turnstile } from "../../src/telemetry/collector/turnstile.js";
import { PROGRAM } from "../support/program.js";
import { rememberingLog } from "../support/quiet-log.js";
import { MemorySamples } from "../telemetry/memory-samples.js";
import { AgentProcess, eventually } from "./agent-process.js";
import { openLab } from "./lab.js";
import type { LabHost } from "./lab-host.js";
import { isStill, nearest, UsageWitness } from "./usage-witness.js";
import { deploy } from "./witness.js";

const lab = await openLab();

const INTERVAL_MS = 5_000;
const WATCHED_MS = 66_000;
/** Percentage points of a pCPU, and parts of the memory, that may be between what we say and what is. */
const CPU_TOLERANCE = 0.03;
const MEMORY_TOLERANCE = 0.05;
const KIB_PER_MB = 1000;
/** Witnesses look once a second or more rarely. */
const AROUND_MS = 3_500;
/** libvirtd on a busy machine needs a moment to notice that a QEMU is no more. */
const NOTICED_MS = 4_000;
/** Until guests that were told hold what they should. */
const SETTLED_MS = 5_000;
const HOSTS = ["agent", "probe"] as const;
const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

/** `headroom probe` in the flat form, as a process; its address. */
async function startProbe(host: LabHost): Promise<string> {
  const flags = [
    "--hypervisor",
    host.uri,
    "--port",
    "0",
    "--form",
    "flat",
    "--prefix",
    "lab_1",
    "--log-format",
    "json",
  ];
  const child = spawn(process.execPath, [...PROGRAM, "probe", ...flags], {
    cwd: host.folder,
    env: { PATH: process.env.PATH ?? "" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  host.alsoEnds(child);
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (piece: string) => {
    log += piece;
  });
  return eventually("the probe is ready", async () => /"url":"([^"]+)".*"the probe is ready"/.exec(log)?.[1] ?? null);
}

describe("probe and collector with real guests", { skip: lab.skip }, () => {
  let host: LabHost;
  const store = new MemorySamples();
  let witness: UsageWitness;
  /** When the VM was killed, and when it was to start again. */
  let [killedAt, againAt] = [0, 0];

  before(async () => {
    if (lab.skip !== false) throw new Error(lab.skip);
    host = await lab.startLibvirtd();
    const agent = await AgentProcess.start(host);
    const probe = await startProbe(host);
    await deploy(agent, { name: "steady", ratio: 3 });
    await deploy(agent, { name: "killed", ratio: 3 });
    await load(host, "steady", 30, 24);
    await load(host, "killed", 15, 10);
    // Until the guests have done what they were told, and said so.
    witness = new UsageWitness(host);
    await pause(SETTLED_MS);
    const stop = new AbortController();
    const collected = collect(agent.url, probe, store, stop.signal);
    const began = Date.now();
    const until = (ms: number) => pause(Math.max(0, began + ms - Date.now()));
    await until(15_000);
    await deploy(agent, { name: "started", ratio: 3 });
    await load(host, "started", 20, 16);
    await until(28_000);
    process.kill(host.guestPids().get("killed")!, "SIGKILL");
    killedAt = Date.now();
    await until(35_000);
    againAt = Date.now();
    await eventually("the killed VM starts again", async () => host.virsh("start", "killed").then(() => true));
    await load(host, "killed", 15, 10);
    await until(WATCHED_MS);
    stop.abort();
    await collected;
    await witness.stop();
  });
  after(() => host?.stop());

  const spanOf = (source: string): ReadonlyMap<number, number> =>
    new Map(store.of(source).map(({ at, values }) => [at, values.elapsed_time ?? 0]));

  for (const source of HOSTS) {
    test(`${source}: each VM's CPU is within 3 percentage points of what virsh and /proc say, for a minute`, (context) => {
      const spans = spanOf(source);
      const compared = { kernel: { steady: 0, started: 0, killed: 0 }, virsh: { steady: 0, started: 0, killed: 0 } };
      const off = { kernel: [] as number[], virsh: [] as number[] };
      for (const name of ["steady", "started", "killed"] as const)
        for (const { at, values } of store.of(source, name)) {
          const span = spans.get(at) ?? 0;
          if (values.cpu_usage === undefined || span === 0) continue;
          for (const by of ["kernel", "virsh"] as const) {
            const seen = witness.usage(name, at - span, at, by);
            if (seen === null) continue;
            compared[by][name] += span;
            off[by].push(Math.abs(values.cpu_usage - seen.likely));
            // A burst just before or after a reading is in one count and not in the other: the looks around it say how much.
            const isWithin =
              values.cpu_usage >= seen.least - CPU_TOLERANCE && values.cpu_usage <= seen.most + CPU_TOLERANCE;
            assert.ok(isWithin, `${name}: ${values.cpu_usage}, ${by} ${JSON.stringify(seen)}`);
          }
        }
      const means = { kernel: mean(off.kernel), virsh: mean(off.virsh) };
      const worst = Math.max(...off.kernel, ...off.virsh);
      context.diagnostic(
        `off on the mean: ${JSON.stringify(means)}, at worst ${worst}; milliseconds compared: ${JSON.stringify(compared)}`,
      );
      assert.ok(means.kernel <= CPU_TOLERANCE && means.virsh <= CPU_TOLERANCE, JSON.stringify(means));
      const { kernel } = compared;
      assert.ok(kernel.steady >= 50_000 && kernel.started >= 20_000 && kernel.killed >= 20_000, JSON.stringify(kernel));
    });

    test(`${source}: over its whole life, each VM's CPU time grows as virsh and /proc say, within 3 points`, (context) => {
      for (const name of ["steady", "started"])
        for (const by of ["kernel", "virsh"] as const) {
          const looks = witness[by](name);
          const samples = store.of(source, name).filter(({ at }) => at > looks[0]!.at && at < looks.at(-1)!.at);
          const [first, last] = [samples[0]!, samples.at(-1)!];
          const [from, to] = [nearest(looks, first.at, 30_000)!, nearest(looks, last.at, 30_000)!];
          const ours = (last.values.cpu_time! - first.values.cpu_time!) / (last.at - first.at) / 1e6;
          const theirs = (to.cpuNs - from.cpuNs) / (to.at - from.at) / 1e6;
          context.diagnostic(
            `${name}: ${ours.toFixed(4)} and ${theirs.toFixed(4)} (${by}) over ${last.at - first.at} ms`,
          );
          assert.ok(Math.abs(ours - theirs) <= CPU_TOLERANCE);
        }
    });

    test(`${source}: each VM's memory is within 5 % of what virsh and /proc say`, (context) => {
      const compared = { mem: 0, "mem_rss, virsh": 0, "mem_rss, /proc": 0, mem_usage: 0 };
      let worst = 0;
      for (const name of ["steady", "started", "killed"])
        for (const { at, values } of store.of(source, name)) {
          if (!isStill(witness.kernel(name), at, AROUND_MS)) continue;
          const virsh = nearest(witness.virsh(name), at, AROUND_MS);
          // A guest tells of itself once a second or later: near a change, two that ask may hear different things.
          const told = witness.virsh(name).filter(({ unusedKiB }) => unusedKiB !== null);
          const isTold = isStill(told, at, AROUND_MS, (look) => look.balloonKiB - look.unusedKiB!);
          const unused = isTold ? (virsh?.unusedKiB ?? null) : null;
          const pairs: readonly (readonly [keyof typeof compared, number | undefined, number | undefined])[] = [
            ["mem", values.mem, virsh?.balloonKiB],
            ["mem_rss, virsh", values.mem_rss, virsh?.rssKiB],
            ["mem_rss, /proc", values.mem_rss, nearest(witness.kernel(name), at, AROUND_MS)?.rssKiB],
            ["mem_usage", values.mem_usage, unused === null ? undefined : virsh!.balloonKiB - unused],
          ];
          for (const [what, ours, theirKiB] of pairs) {
            if (ours === undefined || theirKiB === undefined) continue;
            const theirs = theirKiB / KIB_PER_MB;
            const off = Math.abs(ours - theirs) / theirs;
            worst = Math.max(worst, off);
            compared[what]++;
            assert.ok(off <= MEMORY_TOLERANCE, `${name} ${what} at ${at}: ${ours} and ${theirs}`);
          }
        }
      context.diagnostic(`worst: ${(worst * 100).toFixed(2)} %; comparisons: ${JSON.stringify(compared)}`);
      // virsh on a busy machine is often too slow to have seen one moment; the kernel is not.
      for (const [what, count] of Object.entries(compared))
        assert.ok(count >= (what === "mem_rss, /proc" ? 10 : 3), `${what}: ${count}`);
    });

    test(`${source}: the killed VM is gone while it is, and begins without rates when it is back`, () => {
      const samples = store.of(source, "killed");
      assert.deepEqual(
        samples.filter(({ at }) => at > killedAt + NOTICED_MS && at < againAt),
        [],
      );
      const back = samples.filter(({ at }) => at > againAt);
      assert.equal(back[0]?.values.cpu_usage, undefined);
      assert.ok(back.length >= 3);
      for (const { values } of samples) assert.ok((values.cpu_usage ?? 0) >= 0 && (values.cpu_usage ?? 0) <= 2);
      assert.ok(store.of(source).every(({ values }) => values.vm_number! >= 1 && values.vm_number! <= 3));
    });

    test(`${source}: faults, threads and waiting of the VMs' processes are there`, () => {
      const last = store.of(source, "steady").at(-1)!.values;
      for (const key of ["sched_runtime", "sched_waittime", "stat_minflt", "stat_rss_pages", "cpu_wait"])
        assert.ok(last[key] !== undefined, key);
      // The kernel counts what ran, libvirt the same by other means: of one process over one interval.
      assert.ok(Math.abs(last.sched_runtime! - last.elapsed_cpu_time!) / last.elapsed_cpu_time! < 0.15);
    });
  }

  test("agent and probe, one idiomatic and one flat, tell the same of the same VMs", () => {
    const mean = (source: string): number => {
      const usage = store.of(source, "steady").flatMap(({ values }) => values.cpu_usage ?? []);
      return usage.reduce((sum, value) => sum + value, 0) / usage.length;
    };
    assert.ok(Math.abs(mean("agent") - mean("probe")) <= CPU_TOLERANCE, `${mean("agent")} and ${mean("probe")}`);
  });
});

async function load(host: LabHost, name: string, percent: number, megabytes: number): Promise<void> {
  assert.equal(await host.guestCommand(name, `mem ${megabytes}`), "ok");
  assert.equal(await host.guestCommand(name, `burn ${percent}`), "ok");
}

async function collect(agent: string, probe: string, store: MemorySamples, signal: AbortSignal): Promise<void> {
  const [clock, log] = [realClock(), rememberingLog()];
  let offset = 0;
  const collector = new Collector({
    sources: [
      fixedEndpoints([
        { url: `${agent}/metrics`, host: "agent", prefix: null },
        { url: `${probe}/metrics`, host: "probe", prefix: "lab_1" },
      ]),
    ],
    writer: new SampleWriter(store, clock, log),
    refresh: milliseconds(60_000),
    fetchText: fetchText({ deadline: milliseconds(4_000), maximumBytes: 10_000_000, token: null }),
    turnstile: new Turnstile(8),
    clock,
    log,
    random: () => {
      offset += 0.4;
      return offset;
    },
    interval: milliseconds(INTERVAL_MS),
  });
  await collector.run(signal);
}
