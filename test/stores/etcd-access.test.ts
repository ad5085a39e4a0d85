/** Getting at etcd: addresses, TLS with certificates, users, and what is said when it does not work. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { type EtcdSettings, etcdStore } from "../../src/drivers/stores/etcd/store.js";
import { OperationalError } from "../../src/ports/errors.js";
import { quietLog, rememberingLog } from "../support/quiet-log.js";
import { skipWithoutEtcd, startEtcd } from "./etcd-lab.js";
import { afterwards, create, failsWith, mustCommit, never, storeFolder } from "./support.js";

const options = { skip: skipWithoutEtcd };

const settings = (endpoints: readonly string[], more: Partial<EtcdSettings> = {}): EtcdSettings => ({
  endpoints,
  prefix: "/headroom/",
  clock: realClock(),
  log: quietLog(),
  deadlineMs: 1_000,
  ...more,
});

test("settings that cannot work are named", () => {
  const wrong: readonly EtcdSettings[] = [
    settings([]),
    settings(["127.0.0.1:2379"]),
    settings(["ftp://127.0.0.1"]),
    settings(["http://127.0.0.1:2379"], { prefix: "headroom" }),
    settings(["http://127.0.0.1:2379"], { leaderTtlSeconds: 1 }),
    settings(["http://127.0.0.1:2379"], { leaderTtlSeconds: 2.5 }),
  ];
  for (const each of wrong) assert.throws(() => etcdStore(each), failsWith("bad-settings"));
});

test("an etcd that is not there is unreachable, by name, and says when nothing was done", async (context) => {
  const log = rememberingLog();
  const store = etcdStore(settings(["http://127.0.0.1:1", "http://127.0.0.1:2"], { log }));
  afterwards(context, () => store.close());
  await assert.rejects(store.get("a"), (error) => {
    failsWith("store-unreachable")(error);
    return error instanceof OperationalError && error.message.includes("http://127.0.0.1:2") && error.retryable;
  });
  assert.equal(store.status().reachable, false);
  const given = AbortSignal.timeout(300);
  await assert.rejects(store.campaign("one", given), { name: "TimeoutError" });
  assert.deepEqual(
    log.lines.map(({ message }) => message),
    ["no etcd server answers; asking until one does"],
    "once, however often it is asked",
  );
});

function openssl(folder: string, ...args: readonly string[]): boolean {
  return spawnSync("openssl", args, { cwd: folder, stdio: "ignore" }).status === 0;
}

/** An authority, and a certificate of it for this machine. Null where openssl is missing. */
async function certificates(context: TestContext): Promise<string | null> {
  const folder = await storeFolder(context);
  writeFileSync(join(folder, "ext"), "subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n");
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const made =
    openssl(
      folder,
      "req",
      "-x509",
      ...key,
      "-keyout",
      "ca.key",
      "-out",
      "ca.crt",
      "-days",
      "2",
      "-subj",
      "/CN=test-ca",
    ) &&
    openssl(folder, "req", ...key, "-keyout", "own.key", "-out", "own.csr", "-subj", "/CN=root") &&
    openssl(
      folder,
      ...["x509", "-req", "-in", "own.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"],
      ...["-out", "own.crt", "-days", "2", "-extfile", "ext"],
    );
  return made ? folder : null;
}

test("over TLS, with the operator's authority and a certificate of its own", options, async (context) => {
  const folder = await certificates(context);
  if (folder === null) return context.skip("openssl is not on this machine");
  const [ca, cert, key] = ["ca.crt", "own.crt", "own.key"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const etcd = await startEtcd({
    scheme: "https",
    arguments: ["--cert-file", cert, "--key-file", key, "--trusted-ca-file", ca, "--client-cert-auth"],
  });
  afterwards(context, () => etcd.stop());
  const [caText, certText, keyText] = [ca, cert, key].map((path) => readFileSync(path, "utf8")) as [
    string,
    string,
    string,
  ];
  const store = etcdStore(settings(etcd.endpoints, { tls: { ca: caText, cert: certText, key: keyText } }));
  afterwards(context, () => store.close());
  await mustCommit(store, await store.campaign("one", never()), create("a", "1"));
  for (const tls of [{ ca: caText }, {}, { ca: caText, cert: certText, key: keyText, serverName: "elsewhere" }]) {
    const stranger = etcdStore(settings(etcd.endpoints, { tls }));
    await assert.rejects(stranger.get("a"), failsWith("store-unreachable"));
    await stranger.close();
  }
});

test("with a user and a password, and with rights to its own prefix only", options, async (context) => {
  const etcd = await startEtcd();
  afterwards(context, () => etcd.stop());
  await etcd.ctl("user", "add", "root:rootpass");
  await etcd.ctl("user", "grant-role", "root", "root");
  await etcd.ctl("user", "add", "scheduler:secret");
  await etcd.ctl("role", "add", "headroom");
  await etcd.ctl("role", "grant-permission", "headroom", "--prefix=true", "readwrite", "/headroom/");
  await etcd.ctl("user", "grant-role", "scheduler", "headroom");
  await etcd.ctl("auth", "enable");
  const open = (more: Partial<EtcdSettings>) => {
    const store = etcdStore(settings(etcd.endpoints, more));
    afterwards(context, () => store.close());
    return store;
  };
  const auth = { user: "scheduler", password: "secret" };
  const store = open({ auth });
  const leader = await store.campaign("one", never());
  await mustCommit(store, leader, create("a", "1"));
  await assert.rejects(open({}).get("a"), failsWith("store-failed"));
  await assert.rejects(open({ auth: { ...auth, password: "wrong" } }).get("a"), failsWith("store-failed"));
  await assert.rejects(open({ auth, prefix: "/other/" }).get("a"), failsWith("store-failed"));
  await assert.rejects(open({ auth, prefix: "/other/" }).campaign("one", never()), failsWith("store-failed"));
  const watch = open({ auth, prefix: "/other/" }).watch("", { after: 1, signal: never() });
  await assert.rejects(watch[Symbol.asyncIterator]().next(), failsWith("store-failed"));
});
