/** What a controller shows: JSON lines, lines, a terminal that is redrawn; and where its metrics are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseInterval } from "../../src/cli/controller/command.js";
import { parseMetricsAddress, serveMetrics } from "../../src/cli/controller/metrics-server.js";
import { type Form, openPresenter, type View } from "../../src/cli/controller/presenter.js";
import { UsageError } from "../../src/cli/exit.js";
import { milliseconds } from "../../src/core/units.js";
import { OperationalError } from "../../src/ports/errors.js";

const view: View<number> = {
  json: (report) => ({ report }),
  lines: (report) => [`line ${report}`],
  frame: (report, _paint, { columns, rows }) => [`frame ${report} in ${columns} x ${rows}`],
};
const lost = new OperationalError("hypervisor-unreachable", "libvirt is gone", true);

function present(form: Form) {
  const out: string[] = [];
  const err: string[] = [];
  const stdout = { write: (text: string) => out.push(text), columns: 60, rows: 10 };
  const presenter = openPresenter(view, form, { stdout, stderr: { write: (text) => err.push(text) } });
  return { presenter, out: () => out.join(""), err: () => err.join("") };
}

test("JSON is one object on a line, and losses stand elsewhere", () => {
  const { presenter, out, err } = present("json");
  presenter.report(1);
  presenter.lost(lost, milliseconds(2000));
  presenter.lost(lost, milliseconds(4000));
  presenter.report(2);
  presenter.close();
  assert.equal(out(), '{"report":1}\n{"report":2}\n');
  assert.equal(err(), "headroom: libvirt is gone; asked again in 2 s, guests stay as they are\n", "told once");
});

test("a terminal shows a loss below the last picture, and keeps the picture when it is given back", () => {
  const { presenter, out, err } = present("live");
  presenter.report(1);
  presenter.lost(lost, milliseconds(2000));
  presenter.close();
  presenter.close();
  assert.match(out(), /frame 1 in 60 x 10/);
  assert.match(out(), /frame 1 in 60 x 9.*\r\nlibvirt is gone; asked again in 2 s/);
  assert.ok(out().endsWith("\u001b[?1049lframe 1 in 60 x 10\n"), "the last picture stays behind");
  assert.equal(err(), "");
});

test("an interval is a positive number of seconds, and everything else gets a usage line", () => {
  assert.equal(parseInterval("12", "usage"), 12);
  assert.equal(parseInterval("0.5", "usage"), 0.5);
  for (const text of ["0", "-1", "", "x", "1s", "NaN", "1e3", "86401", "0.01", " 5"])
    assert.throws(
      () => parseInterval(text, "headroom balance <interval>"),
      (error) => error instanceof UsageError && error.message.endsWith("\nusage: headroom balance <interval>"),
      text,
    );
});

test("metrics listen on loopback unless an address is named", () => {
  assert.deepEqual(parseMetricsAddress("9109"), { address: "127.0.0.1", port: 9109 });
  assert.deepEqual(parseMetricsAddress("0.0.0.0:0"), { address: "0.0.0.0", port: 0 });
  assert.deepEqual(parseMetricsAddress("[::1]:9109"), { address: "::1", port: 9109 });
  for (const text of ["", "x", "65536", "1.2.3:80", "host:80", "[::g]:1"])
    assert.throws(() => parseMetricsAddress(text), UsageError, text);
});

test("metrics are read when they are asked for", async () => {
  let value = 1;
  const served = await serveMetrics({ address: "127.0.0.1", port: 0 }, () => [
    { name: "balance_x", help: "An x", labels: ["pcpu"], series: [{ labels: { pcpu: "3" }, value: value++ }] },
  ]);
  try {
    for (const expected of [1, 2]) {
      const text = await (await fetch(served.url)).text();
      assert.match(text, new RegExp(`^headroom_balance_x\\{pcpu="3"\\} ${expected}$`, "m"));
    }
    assert.equal((await fetch(served.url.replace("/metrics", "/"))).status, 404);
  } finally {
    served.close();
  }
});
