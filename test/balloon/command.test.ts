/** `headroom balloon` as people and scripts meet it: usage, the picture, JSON, metrics. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { balloonMetrics } from "../../src/cli/controller/balloon/metrics.js";
import { balloonView } from "../../src/cli/controller/balloon/view.js";
import { run } from "../../src/cli/program.js";
import { plainPaint } from "../../src/cli/terminal.js";
import { CourseHost, type ScriptedGuest } from "./course-host.js";

async function outcome(...argv: readonly string[]) {
  let text = "";
  const code = await run(argv, { write: (piece: string) => (text += piece) });
  return { code, text };
}

test("an interval that is missing or wrong gets the usage line and exit code 2", async () => {
  for (const argv of [["balloon"], ["balloon", "0"], ["balloon", "soon"], ["balloon", "-3"]]) {
    const { code, text } = await outcome(...argv);
    assert.equal(code, 2, argv.join(" "));
    assert.match(text, /usage: headroom balloon \[options\] \[interval\]/);
  }
});

test("a wrong setting names itself and what is allowed", async () => {
  const { code, text } = await outcome("balloon", "12", "--balloon-shares", "db:4");
  assert.equal(code, 2);
  assert.match(text, /--balloon-shares is "db:4"; it must be a comma list of VM=number pairs/);
});

test("from the store it needs hosts, and no interval", async () => {
  const { code, text } = await outcome("balloon", "--from-store");
  assert.equal(code, 2);
  assert.match(text, /--from-store needs hosts: set HEADROOM_BALLOON_NODES or LIBVIRT_NODES/);
});

const guest = (name: string, change: Partial<ScriptedGuest> = {}): ScriptedGuest => ({
  name,
  memoryMiB: 512,
  maximumMiB: 2048,
  script: [{ atSeconds: 0, usedMiB: 150 }],
  ...change,
});

async function someRounds() {
  const growing = [
    { atSeconds: 60, usedMiB: 150 },
    { atSeconds: 260, usedMiB: 1000 },
  ];
  const guests = [
    guest("busy", { script: growing }),
    guest("idle"),
    guest("a-name-that-is-far-too-long-for-a-table"),
    guest("silent", { traits: { balloonDriver: false } }),
  ];
  const host = await CourseHost.start({ hostMiB: 4096, guests });
  const moments = await host.run(144);
  return { host, report: moments.at(-1)!.report };
}

test("the picture shows each guest's memory as a bar within the terminal, and the ones that ask for attention first", async () => {
  const { report } = await someRounds();
  for (const columns of [60, 80, 140]) {
    const lines = balloonView.frame(report, plainPaint, { columns, rows: 24 });
    for (const line of lines)
      assert.ok(line.length <= Math.max(columns, 75), `${line.length} columns of ${columns}: ${line}`);
    assert.match(lines.join("\n"), /^busy .*█+▒*·+ .*512\/661\/2048 {2}\+51 grows$/m);
    assert.match(lines.join("\n"), /\?\/512\/2048 {2}no-driver$/m);
  }
  const short = balloonView.frame(report, plainPaint, { columns: 80, rows: 7 });
  assert.equal(short.length, 7);
  assert.match(short[3]!, /^busy/);
  assert.match(short[5]!, /and 2 more guests/);
});

test("lines and JSON say what was done, and why", async () => {
  const { report } = await someRounds();
  const lines = balloonView.lines(report, plainPaint);
  assert.match(lines[0]!, /^host: \d+ of 4096 MiB available, 200 reserved; \d+ MiB to give$/);
  assert.match(lines.join("\n"), /^busy: 661 of 2048 MiB, 512 used -> 712 \(grows: it has 149 MiB unused/m);
  const json = JSON.parse(JSON.stringify(balloonView.json(report)));
  assert.deepEqual(json.changes, [{ name: "busy", fromMiB: 661, toMiB: 712, problem: null }]);
  assert.equal(json.guests.length, 4);
  for (const { reason, why } of json.guests) assert.ok(reason !== "" && why !== "");
});

test("metrics count rounds and changes, and have series for each guest that is known", async () => {
  const { host } = await someRounds();
  const metrics = new Map(balloonMetrics(host.coordinator).map((metric) => [metric.name, metric.series]));
  assert.equal(metrics.get("balloon_rounds_total")?.[0]?.value, 12);
  assert.ok((metrics.get("balloon_changes_total")?.[0]?.value ?? 0) > 0);
  assert.equal(metrics.get("balloon_guest_bytes")?.length, 4);
  assert.equal(metrics.get("balloon_guest_used_bytes")?.length, 3);
  assert.deepEqual(
    metrics.get("balloon_guest_frozen")?.map(({ value }) => value),
    [0, 0, 0, 1],
  );
});
