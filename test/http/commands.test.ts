/** `headroom vm`, `status` and `token`, run in this process against a real agent. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Command } from "commander";
import type { Output } from "../../src/cli/agent-connection.js";
import { statusCommand } from "../../src/cli/commands/status.js";
import { tokenCommand } from "../../src/cli/commands/token.js";
import { vmCommand } from "../../src/cli/commands/vm.js";
import { exitCodeOf } from "../../src/cli/exit.js";
import { bearerOf, parseTokens } from "../../src/http/auth.js";
import { type Listening, listen } from "../../src/http/server.js";
import { startAgent } from "./real-agent.js";
import { IMAGE, serveAgent } from "./support.js";

let listening: Listening;
before(async () => {
  listening = await listen(serveAgent((await startAgent()).agent).app, { host: "127.0.0.1", port: 0 });
});
after(() => listening.close());

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

class Sink {
  text = "";
  readonly write = (text: string): void => {
    this.text += text;
  };
}

async function run(make: (output: Output) => Command, argv: readonly string[]): Promise<Outcome> {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const command = make({ stdout, stderr });
  for (const one of [command, ...command.commands])
    one.exitOverride().configureOutput({ writeErr: stderr.write, writeOut: stdout.write });
  try {
    await command.parseAsync(argv, { from: "user" });
    return { code: 0, out: stdout.text, err: stderr.text };
  } catch (error) {
    return { code: exitCodeOf(error), out: stdout.text, err: stderr.text + (error as Error).message };
  }
}

const at = (...argv: string[]): string[] => [...argv, "--url", listening.url];
const status = (...argv: string[]): Promise<Outcome> => run(statusCommand, at(...argv));
const vm = (...argv: string[]): Promise<Outcome> => run(vmCommand, at(...argv));

test("vm create, list, show, resize and remove print tables for people", async () => {
  const create = await vm("create", "web-1", "--vcpus", "2", "--memory", "2GiB", "--ratio", "2", "--image", IMAGE);
  assert.deepEqual([create.code, create.err], [0, ""]);
  assert.match(create.out, /Deployed web-1[\s\S]*2 vCPUs, 2 GiB/);
  assert.match((await vm("list")).out, /name.*state.*vCPUs[\s\S]*web-1.*running/);
  assert.match((await vm("show", "web-1")).out, /allocation ratio/);
  assert.match((await vm("resize", "web-1", "--vcpus", "3")).out, /3 vCPUs/);
  assert.match((await status()).out, /host-a[\s\S]*1[234] of 16 free[\s\S]*ratio/);
  assert.match((await vm("remove", "web-1")).out, /Removed web-1/);
  assert.equal((await vm("list")).out, "No VMs.\n");
});

test("--json prints what the API says, for scripts", async () => {
  const created = JSON.parse(
    (await vm("create", "j", "--vcpus", "1", "--memory", "512", "--ratio", "1", "--json")).out,
  );
  assert.equal(created.name, "j");
  assert.equal(JSON.parse((await vm("list", "--json")).out)[0].memoryMiB, 512);
  assert.equal(JSON.parse((await status("--json")).out)[0].id, "host-a");
  assert.equal(JSON.parse((await vm("remove", "j", "--json")).out).name, "j");
  const refused = await vm("show", "nobody", "--json");
  assert.equal(refused.code, 1);
  assert.equal(JSON.parse(refused.out).code, "unknown-vm");
});

test("a refusal is 1 and says why; wrong input is 2 and names it; no agent is 3", async () => {
  const refused = await vm("remove", "nobody");
  assert.equal(refused.code, 1);
  assert.match(refused.err, /nobody.*\(unknown-vm\)/);
  const wrong = [
    [["create", "a", "--vcpus", "two", "--memory", "1GiB"], /--vcpus two/],
    [["create", "a", "--vcpus", "1", "--memory", "1.0001GiB"], /--memory/],
    [["create", "a", "--vcpus", "1", "--memory", "1GiB", "--ratio", "0.5"], /--ratio 0\.5/],
    [["create", "a/b", "--vcpus", "1", "--memory", "1GiB", "--ratio", "1"], /name/],
    [["create", "a", "--vcpus", "1", "--memory", "1GiB", "--ratio", "1", "--image", "/etc/passwd"], /image/],
    [["resize", "a"], /at least one of/],
  ] as const;
  for (const [argv, message] of wrong) {
    const outcome = await vm(...argv);
    assert.equal(outcome.code, 2, argv.join(" "));
    assert.match(outcome.err, message);
  }
  const none = await run(vmCommand, ["list", "--url", "http://127.0.0.1:1"]);
  assert.equal(none.code, 3);
  assert.match(none.err, /Cannot reach the agent or scheduler at http:\/\/127\.0\.0\.1:1: nothing listens there/);
});

test("token create adds a hash to the file, closed to others, and shows the token once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "headroom-token-"));
  const file = join(folder, "tokens");
  const made = await run(tokenCommand, ["create", "--role", "operator", "--file", file, "--name", "alice"]);
  const text = readFileSync(file, "utf8");
  assert.match(text, /^operator:[0-9a-f]{64} {2}# alice\n$/);
  assert.equal(bearerOf(made.out.trim(), parseTokens(text, file))?.role, "operator");
  assert.equal(statSync(file).mode & 0o007, 0);
  const bare = await run(tokenCommand, ["create", "--role", "viewer"]);
  assert.match(bare.err, /Add this line.*\nviewer:[0-9a-f]{64}\n/);
  writeFileSync(file, text.trimEnd());
  await run(tokenCommand, ["create", "--role", "viewer", "--file", file]);
  assert.equal(parseTokens(readFileSync(file, "utf8"), file).length, 2, "behind a line without its end");
  writeFileSync(file, "alice's secret\n");
  const other = await run(tokenCommand, ["create", "--role", "viewer", "--file", file]);
  assert.equal(other.code, 2);
  assert.match(other.err, /tokens, line 1: expected role:sha256/);
  assert.equal(readFileSync(file, "utf8"), "alice's secret\n");
  const unwritable = await run(tokenCommand, ["create", "--role", "viewer", "--file", join(folder, "none", "tokens")]);
  assert.equal(unwritable.code, 2);
  assert.match(unwritable.err, /Cannot write the tokens file/);
  rmSync(folder, { recursive: true });
});
