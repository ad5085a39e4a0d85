/** `headroom vm`, `host`, `cluster` and `explain`, run in this process against a real cluster. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Command } from "commander";
import type { Output } from "../../src/cli/agent-connection.js";
import { clusterCommand } from "../../src/cli/commands/cluster.js";
import { explainCommand } from "../../src/cli/commands/explain.js";
import { hostCommand } from "../../src/cli/commands/host.js";
import { statusCommand } from "../../src/cli/commands/status.js";
import { vmCommand } from "../../src/cli/commands/vm.js";
import { TestCluster } from "./cluster.js";
import { runCommand } from "./run-command.js";

const cluster = new TestCluster({ hosts: 2 });
before(() => cluster.start());
after(() => cluster.end());

const run = (make: (output: Output) => Command, ...argv: readonly string[]) => runCommand(cluster, make, ...argv);

const size = ["--vcpus", "2", "--memory", "2GiB", "--ratio", "2"] as const;

test("headroom vm works against a scheduler, and shows the host", async () => {
  const made = await run(vmCommand, "create", "web", ...size, "--only-host", "host-1", "--anti-affinity", "web");
  assert.deepEqual([made.code, made.err], [0, ""]);
  assert.match(made.out, /Deployed web on host-1[\s\S]*host +│ host-1[\s\S]*pins/);
  assert.match((await run(vmCommand, "list")).out, /name +│ host[\s\S]*web +│ host-1 +│ running[\s\S]*web/);
  assert.equal((await run(vmCommand, "list", "--host", "host-0")).out, "No VMs.\n");
  assert.match((await run(vmCommand, "show", "web")).out, /host +│ host-1[\s\S]*anti-affinity +│ web/);
  assert.match((await run(vmCommand, "resize", "web", "--vcpus", "3")).out, /3 vCPUs/);
  assert.match((await run(vmCommand, "remove", "web")).out, /Removed web/);
  const elsewhere = await run(vmCommand, "create", "web", ...size, "--label", "zone=nowhere");
  assert.deepEqual([elsewhere.code, cluster.placed().size], [1, 0]);
  assert.match(elsewhere.err, /\(no-host-fits\)/);
  assert.equal((await run(vmCommand, "create", "web", ...size, "--label", "zone")).code, 2);
});

test("headroom host lists, shows, cordons and drains; what remains is listed", async () => {
  assert.match((await run(hostCommand, "list")).out, /host-0 +│ up +│ 0 +│ 16 of 16 +│ 64 GiB +│ headroom/);
  assert.equal((await run(hostCommand, "list", "--state", "down")).out, "No hosts.\n");
  await run(vmCommand, "create", "left", ...size, "--only-host", "host-0");
  assert.match(
    (await run(hostCommand, "show", "host-0")).out,
    /heard of .* ago; http[\s\S]*VMs +1[\s\S]*1[0-9] of 16 free/,
  );
  assert.match((await run(hostCommand, "cordon", "host-1")).out, /host-1 takes no new VMs\./);
  assert.match((await run(hostCommand, "list")).out, /host-1 +│ up, cordoned/);
  assert.match((await run(hostCommand, "uncordon", "host-1")).out, /host-1 takes new VMs again\./);
  const drained = await run(hostCommand, "drain", "host-0");
  assert.equal(drained.code, 1);
  assert.match(
    drained.out,
    /host-0 takes no new VMs[\s\S]*On host-0 remain:[\s\S]*left +│ stuck +│ - +│ .*live migration/,
  );
  const json = JSON.parse((await run(hostCommand, "drain", "host-0", "--no-wait", "--json")).out);
  assert.deepEqual([json.remaining[0].name, json.moves[0].state], ["left", "stuck"]);
  await run(vmCommand, "remove", "left");
  assert.match((await run(hostCommand, "drain", "host-0")).out, /host-0 takes no new VMs and is empty\./);
  await run(hostCommand, "uncordon", "host-0");
  const unknown = await run(hostCommand, "show", "nowhere");
  assert.equal(unknown.code, 1);
  assert.match(unknown.err, /nowhere.*\(unknown-host\)/);
  const alive = await run(hostCommand, "forget", "host-0");
  assert.match(alive.err, /\(host-alive\)/);
});

test("headroom cluster status sums up; headroom explain says where and why", async () => {
  const status = await run(clusterCommand, "status");
  assert.match(
    status.out,
    /leader +http.*\(epoch 1\); this scheduler: leader[\s\S]*hosts +2 up[\s\S]*pCPUs +32 of 32 free/,
  );
  assert.match((await run(statusCommand)).out, /host-0 +│ up[\s\S]*host-1 +│ up/);
  const moves = await run(clusterCommand, "moves");
  assert.equal(moves.out, "budget  none: no room is made for VMs that no host takes\nNo VM is being moved.\n");
  assert.equal(JSON.parse((await run(clusterCommand, "moves", "--json")).out).budget.perHour, 60);
  const explained = await run(explainCommand, ...size);
  assert.match(explained.out, /It would go to host-[01]\.[\s\S]*score[\s\S]*balance/);
  const none = await run(explainCommand, "--vcpus", "2", "--memory", "4TiB", "--ratio", "2");
  assert.match(none.out, /None of 2 hosts fits\.[\s\S]*memory: 2[\s\S]*host-0/);
  const one = await run(explainCommand, ...size, "--hosts", "1");
  assert.match(one.out, /and 1 more/);
  assert.equal(JSON.parse((await run(explainCommand, ...size, "--json")).out).hosts.length, 2);
});

test("a command for schedulers that meets an agent says so", async () => {
  const [out, err] = [[] as string[], [] as string[]];
  const command = clusterCommand({
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
  });
  await assert.rejects(
    command.parseAsync(["status", "--url", cluster.hosts[0]!.url], { from: "user" }),
    /no such path|not a Headroom scheduler/i,
  );
});

test("headroom cluster adopt names the hosts that have seen a later epoch, and has them listen again", async () => {
  const [host] = cluster.hosts;
  await host!.agent.look("any", 9_000);
  const place = ["adopted", ...size, "--only-host", host!.name];
  assert.equal((await run(vmCommand, "create", ...place)).code, 1);
  const planned = await run(clusterCommand, "adopt", "--dry-run");
  assert.match(planned.out, /Would be adopted \(epoch 9000 was seen\); 1 of them: host-0/);
  assert.match((await run(clusterCommand, "adopt")).out, /Adopted, epochs go on at 9001; 1 of them: host-0/);
  assert.equal((await run(vmCommand, "create", ...place)).code, 0);
  assert.equal(JSON.parse((await run(clusterCommand, "adopt", "--json")).out).epoch, 9_001);
  await run(vmCommand, "remove", "adopted");
});
