/** `headroom replay` and the seeds' offline form: settings, defaults, what people read, and wrong usage. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parseCandidates, replayAsSeeds, replayCommand } from "../../src/cli/commands/replay.js";
import { UsageError } from "../../src/cli/exit.js";
import { type Places, resolveSettings } from "../../src/cli/settings/resolve.js";
import { OperationalError } from "../../src/ports/errors.js";
import { inFolder, traceText } from "./traces.js";

const trace = traceText([{ name: "a", vcpus: 2, memory: 4_194_304, ratio: 2, first: 0, last: 30 }], 60);

interface Ran {
  readonly stdout: string;
  readonly folder: string;
  readonly summary: Readonly<Record<string, unknown>>;
}

/** Runs `headroom replay` with a trace and a folder of its own. */
function ran(args: readonly string[], check: (ran: Ran) => void, content = trace): Promise<void> {
  return inFolder(async (folder) => {
    const path = join(folder, "trace.csv");
    writeFileSync(path, content);
    let stdout = "";
    const terminal = { stdout: { write: (text: string) => (stdout += text) }, stderr: { write: () => true } };
    const command = replayCommand(terminal)
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    const out = join(folder, "out");
    await command.parseAsync(["--load", path, "--out", out, ...args], { from: "user" });
    const summary = JSON.parse(readFileSync(join(out, "summary.json"), "utf8")) as Ran["summary"];
    check({ stdout, folder: out, summary });
  });
}

const laptop = ["--topology", "i7-1185g7"];

describe("headroom replay", () => {
  it("says in a line that its folder cannot be made", async () => {
    await assert.rejects(
      ran([...laptop, "--out", "/proc/headroom"], () => undefined),
      { code: "state-not-written", message: /^\/proc\/headroom: cannot be made: E/ },
    );
    await assert.rejects(
      ran([...laptop, "--out", "/etc/passwd"], () => undefined),
      { code: "state-not-written", message: /^\/etc\/passwd: cannot be made: EEXIST/ },
    );
  });

  it("writes decisions and summary, and says in a few lines what came out", () =>
    ran(laptop, ({ stdout, folder }) => {
      assert.match(stdout, /^headroom on 8 pCPUs, 32 GiB: 5 timestamps over 0\.0 h, 1 VM$/m);
      assert.match(stdout, /deployed 0, refused 1 \(.+ 1\)/, "4 TiB, read as MB, is more than the host has");
      assert.match(stdout, /written: .*decisions\.jsonl, .*summary\.json$/m);
      assert.ok(existsSync(join(folder, "decisions.jsonl")));
      assert.ok(!existsSync(join(folder, "monitoring.csv")));
    }));

  it("critical size and template come from the policy unless they are set", async () => {
    const expected = [
      [["--policy", "slackvm"], 6, null],
      [["--policy", "vmstack"], 6, null],
      [["--policy", "sweetspotvm"], 2, [1, 1.5, 2.6]],
      [["--policy", "sweetspotvm", "--template", "1.0,2.0", "--critical-size", "3"], 3, [1, 2]],
    ] as const;
    for (const [args, criticalSize, template] of expected)
      await ran([...laptop, ...args], ({ summary }) => {
        assert.deepEqual([summary.criticalSize, summary.template], [criticalSize, template]);
      });
  });

  it("--monitoring, --sb-dsc, --progress and --trace-memory-unit", () =>
    ran(
      [
        ...laptop,
        "--policy",
        "slackvm",
        "--monitoring",
        "--sb-dsc",
        "full",
        "--progress",
        "1,0.5,1;2,4,2",
        "--trace-memory-unit",
        "KiB",
      ],
      ({ folder, stdout, summary }) => {
        assert.match(readFileSync(join(folder, "monitoring.csv"), "utf8"), /"cpu_pin": \[\[true, true/);
        const [first] = readFileSync(join(folder, "decisions.jsonl"), "utf8").split("\n");
        assert.equal((JSON.parse(first!) as { progress: number[] }).progress.length, 2);
        assert.match(stdout, /monitoring\.csv/);
        assert.equal(summary.memoryUnit, "KiB");
      },
    ));

  it("problems of the trace are shown, the first five of them", () =>
    ran(
      [...laptop, "--policy", "slackvm"],
      ({ stdout }) => {
        assert.equal(stdout.match(/^trace: line /gm)?.length, 5);
        assert.match(stdout, /trace: 9 problems in all/);
      },
      trace + "x\n".repeat(9),
    ));

  it("--strict stops at the first problem", () =>
    assert.rejects(
      ran([...laptop, "--strict"], () => undefined, `${trace}x\n`),
      (error) => error instanceof OperationalError && /line \d+, field tmp/.test(error.message),
    ));

  for (const [what, args, message] of [
    ["no topology", [], /--topology is needed/],
    ["a topology that is not there", ["--topology", "nowhere.json"], /no such file or preset/],
    [
      "a template for SlackVM",
      [...laptop, "--policy", "slackvm", "--template", "1,2"],
      /--template: the policy slackvm/,
    ],
    ["a candidate that is none", [...laptop, "--progress", "1,2"], /--progress: "1,2" is not cpu,mem_gb,oc/],
  ] as const)
    it(`${what}: wrong usage`, () =>
      assert.rejects(
        ran(args, () => undefined),
        (error) => error instanceof UsageError && message.test(error.message),
      ));

  it("an unknown policy is refused with the ones there are", () =>
    assert.rejects(
      ran([...laptop, "--policy", "best"], () => undefined),
      /slackvm, vmstack, sweetspotvm, headroom/,
    ));
});

describe("candidates of --progress", () => {
  it("are vCPUs, GB and ratio", () => {
    assert.deepEqual(parseCandidates("2,0.5,1.5; 1,4,1", false), [
      { name: "candidate 1", vcpus: 2, memoryMiB: 512, ratio: 1.5 },
      { name: "candidate 2", vcpus: 1, memoryMiB: 4096, ratio: 1 },
    ]);
  });

  it("carry no ratio where a template decides", () => {
    assert.deepEqual(
      parseCandidates("2,4;2,4,1", true).map((vm) => vm.ratio),
      [null, null],
    );
  });

  for (const text of ["", "1", "0,1,1", "1,-1,1", "1,1,0.5", "a,1,1", "1,1,1,1", "1,NaN,1"])
    it(`"${text}" is refused`, () => assert.throws(() => parseCandidates(text, false), UsageError));
});

describe("headroom agent --topology --load --debug", () => {
  const resolution = (environment: Places["environment"]) =>
    resolveSettings({ flags: { topology: "i7-1185g7" }, environment, envFile: null, configFile: null });

  it("replays with SlackVM, with SweetSpotVM where a template is set, and writes debug/monitoring.csv", () =>
    inFolder(async (folder) => {
      const path = join(folder, "trace.csv");
      writeFileSync(path, trace);
      const before = process.cwd();
      let stdout = "";
      const terminal = { stdout: { write: (text: string) => (stdout += text) }, stderr: { write: () => true } };
      process.chdir(folder);
      try {
        await replayAsSeeds(resolution({}), path, false, terminal);
        assert.match(stdout, /^slackvm on 8 pCPUs/);
        assert.ok(!existsSync("debug"));
        await replayAsSeeds(resolution({ OVSB_TEMPLATE: "1.0,1.5" }), path, true, terminal);
        assert.match(stdout, /^sweetspotvm on 8 pCPUs/m);
        assert.match(readFileSync("debug/monitoring.csv", "utf8"), /^tmp\trec\t/);
      } finally {
        process.chdir(before);
      }
    }));
});
