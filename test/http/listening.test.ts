import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Agent } from "undici";
import { tlsOf } from "../../src/cli/secret-files.js";
import { createToken, parseTokens } from "../../src/http/auth.js";
import { agentClient } from "../../src/http/client.js";
import { listen } from "../../src/http/server.js";
import { OperationalError } from "../../src/ports/errors.js";
import { selfSigned } from "./self-signed.js";
import { serve } from "./support.js";

test("a server refuses to listen beyond loopback without tokens, and says how to fix it", async () => {
  for (const host of ["0.0.0.0", "::", "192.0.2.1", "agent.example"]) {
    const { app } = serve();
    await assert.rejects(listen(app, { host, port: 0 }), (error: unknown) => {
      assert.ok(error instanceof OperationalError);
      assert.equal(error.code, "bad-settings");
      assert.match(error.message, /headroom token create/);
      assert.match(error.message, /HEADROOM_TOKENS_FILE/);
      return true;
    });
    await app.close();
  }
});

test("with tokens it listens anywhere, and asks for them", async () => {
  const { token, line } = createToken("viewer");
  const { app } = serve({ tokens: parseTokens(line, "tokens") });
  const listening = await listen(app, { host: "0.0.0.0", port: 0 });
  const baseUrl = `http://127.0.0.1:${listening.port}`;
  await assert.rejects(agentClient({ baseUrl, timeoutMs: 2000 }).vms(), { code: "unauthenticated" });
  assert.deepEqual(await agentClient({ baseUrl, token, timeoutMs: 2000 }).vms(), []);
  await listening.close();
});

test("an address that is taken or not here is a setting to mend, not a stack", async () => {
  const first = serve();
  const listening = await listen(first.app, { host: "127.0.0.1", port: 0 });
  const second = serve();
  await assert.rejects(
    listen(second.app, { host: "127.0.0.1", port: listening.port }),
    /another program listens there/,
  );
  await second.app.close();
  await listening.close();
});

test("with the operator's certificate it speaks TLS", async (t) => {
  const tls = selfSigned();
  if (tls === null) {
    t.skip("openssl is not on this machine");
    return;
  }
  const { app } = serve({ tls });
  const listening = await listen(app, { host: "127.0.0.1", port: 0 });
  assert.match(listening.url, /^https:/);
  const dispatcher = new Agent({ connect: { ca: tls.certificate } });
  const client = agentClient({ baseUrl: listening.url, timeoutMs: 2000, dispatcher });
  assert.deepEqual(await client.vms(), []);
  const untrusting = agentClient({ baseUrl: listening.url, timeoutMs: 2000 });
  await assert.rejects(untrusting.vms(), /self-signed; trust it through NODE_EXTRA_CA_CERTS/);
  await dispatcher.close();
  await listening.close();
});

test("certificates and keys that are none, or no pair, are settings to mend, not a stack", (t) => {
  const [own, other] = [selfSigned(), selfSigned()];
  if (own === null || other === null) {
    t.skip("openssl is not on this machine");
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "headroom-tls-"));
  const [tlsCertificate, tlsKey] = [join(folder, "certificate.pem"), join(folder, "key.pem")];
  const read = (certificate: string, key: string) => {
    writeFileSync(tlsCertificate, certificate);
    writeFileSync(tlsKey, key);
    return tlsOf({ tokensFile: null, tlsCertificate, tlsKey });
  };
  const bad = (message: RegExp) => ({ code: "bad-settings", message });
  assert.deepEqual(read(own.certificate, own.key), own);
  assert.throws(
    () => read("garbage", own.key),
    bad(/^HEADROOM_TLS_CERTIFICATE: .*certificate\.pem must hold a certificate/),
  );
  assert.throws(() => read(own.certificate, ""), bad(/^HEADROOM_TLS_KEY: .*key\.pem must hold a private key/));
  assert.throws(
    () => read(own.certificate, other.key),
    bad(/^HEADROOM_TLS_KEY: .*is not the key of the certificate in /),
  );
  rmSync(folder, { recursive: true });
});
