/** The promises of host leases, for any store. In real time: a lease has two seconds at least. */
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { Bug } from "../../src/core/assert.js";
import { seconds } from "../../src/core/units.js";
import type { Promised } from "./suite.js";
import { eventually, Follower, never, spokenLeases } from "./support.js";

const PERIOD = seconds(2);

export function leaseSuite(promise: Promised): void {
  promise("a host that is heard of keeps its lease, a silent one loses it", async ({ store }, leader) => {
    const follower = new Follower((signal) => store.leases.watch(signal));
    await eventually(() => follower.updates.length === 1, "the snapshot");
    assert.equal(await store.leases.open("loud", PERIOD, leader), "opened");
    assert.equal(await store.leases.open("silent", PERIOD, leader), "opened");
    const renewals: (readonly string[])[] = [];
    for (let i = 0; !spokenLeases(follower.updates).includes("-silent"); i++) {
      assert.ok(i < 30, "the silent host keeps its lease");
      renewals.push(await store.leases.keepAlive(["loud"]));
      await pause(400);
    }
    assert.ok(renewals.length > 4 && renewals.every((missing) => missing.length === 0));
    assert.deepEqual(spokenLeases(follower.updates), ["=", "+loud", "+silent", "-silent"]);
    assert.deepEqual(await store.leases.keepAlive(["loud", "silent", "unknown"]), ["silent", "unknown"]);
    await follower.stop();
  });

  promise("a lease can be opened again, closed, and closed again", async ({ store }, leader) => {
    const { leases } = store;
    await leases.open("h", PERIOD, leader);
    const follower = new Follower((signal) => leases.watch(signal));
    await eventually(() => follower.updates.length === 1, "the snapshot");
    await leases.open("h", seconds(60), leader);
    assert.deepEqual(await leases.keepAlive(["h"]), []);
    assert.equal(await leases.close("h", leader), "closed");
    assert.equal(await leases.close("h", leader), "closed");
    assert.deepEqual(await leases.keepAlive(["h"]), ["h"]);
    await leases.open("h", PERIOD, leader);
    await eventually(() => follower.updates.length === 3, "closed and opened");
    assert.deepEqual(spokenLeases(follower.updates), ["=h", "-h", "+h"]);
    await follower.stop();
  });

  promise("a lease that is opened and closed in one breath is closed", async ({ store }, leader) => {
    const { leases } = store;
    // The first write is under way while the others gather: they become durable together.
    const first = leases.open("first", PERIOD, leader);
    await Promise.all([first, leases.open("h", PERIOD, leader), leases.close("h", leader)]);
    await eventually(async () => (await leases.keepAlive(["h"])).length === 1, "the closed lease is gone");
    assert.deepEqual(await leases.keepAlive(["first"]), []);
  });

  promise("leases outlive the leadership under which they were opened", async ({ store, other }, first) => {
    for (let i = 0; i < 50; i++) await store.leases.open(`h${i}`, seconds(30), first);
    await first.resign();
    await other.campaign("http://two", never());
    const hosts = Array.from({ length: 50 }, (_, i) => `h${i}`);
    assert.deepEqual(await other.leases.keepAlive(hosts), []);
  });

  promise("a lease of no sensible length is a bug", async ({ store }, leader) => {
    for (const period of [0, 1, 2.5, 3601, Number.NaN]) {
      await assert.rejects(store.leases.open("h", seconds(period), leader), Bug);
    }
    assert.deepEqual(await store.leases.keepAlive(["h"]), ["h"]);
  });
}
