/** Tokens of a real Keystone, taken by a real Placement that asks it: by password and by application credential, and a new one for one that is revoked. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { Agent } from "undici";
import { milliseconds } from "../../src/core/units.js";
import { realClock } from "../../src/drivers/linux/real-clock.js";
import { type KeystoneSettings, keystoneTokens } from "../../src/drivers/sinks/openstack/keystone.js";
import { PlacementApi } from "../../src/drivers/sinks/openstack/placement.js";
import { placementSink } from "../../src/drivers/sinks/openstack/sink.js";
import { estimateOf } from "../estimator-online/estimates.js";
import { afterwards, failsWith } from "../stores/support.js";
import { quietLog } from "../support/quiet-log.js";
import { ADMIN, skipWithoutKeystone, startKeystone, startPlacement } from "./openstack.js";

const never = new AbortController().signal;
const BOUNDS = { least: 1, most: 4, largestStep: 0.25 };

/** One call of somebody who manages the cloud; gives the answer's body, which must be a success. */
async function managed(token: string, method: string, url: string, body?: object): Promise<Record<string, unknown>> {
  const response = await fetch(url, {
    method,
    headers: {
      "x-auth-token": token,
      "content-type": "application/json",
      "openstack-api-version": "placement 1.26",
      ...(method === "DELETE" ? { "x-subject-token": token } : {}),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${url}: ${response.status} ${text}`);
  return text === "" ? {} : (JSON.parse(text) as Record<string, unknown>);
}

test("estimates reach a Placement that asks a real Keystone who calls", {
  skip: skipWithoutKeystone,
}, async (context) => {
  const keystone = await startKeystone();
  afterwards(context, () => keystone.stop());
  const placement = await startPlacement(keystone.url);
  afterwards(context, () => placement.stop());
  const dispatcher = new Agent();
  afterwards(context, () => dispatcher.close());
  const server = (name: string) => ({ name, deadlineMs: 30_000, dispatcher });
  const byPassword = {
    kind: "password",
    user: ADMIN.user,
    password: ADMIN.password,
    userDomain: ADMIN.domain,
    project: ADMIN.project,
    projectDomain: ADMIN.domain,
  } as const;
  const tokensOf = (credentials: KeystoneSettings["credentials"], region: string | null = ADMIN.region) => {
    const settings = { url: `${keystone.url}/v3/`, credentials, region, interface: "public" };
    return keystoneTokens(settings, server("Keystone"), realClock());
  };

  const before = await tokensOf(byPassword).access(never);
  assert.equal(before.placementUrl, null, "nobody has told Keystone of Placement yet");
  const { service } = await managed(before.token, "POST", `${keystone.url}/v3/services`, {
    service: { type: "placement", name: "placement" },
  });
  const endpoint = {
    service_id: (service as { id: string }).id,
    interface: "public",
    region_id: ADMIN.region,
    url: placement.url,
  };
  await managed(before.token, "POST", `${keystone.url}/v3/endpoints`, { endpoint });
  assert.equal((await tokensOf(byPassword, "elsewhere").access(never)).placementUrl, null, "not of that region");

  const provider = `${placement.url}/resource_providers/${randomUUID()}`;
  await managed(before.token, "POST", `${placement.url}/resource_providers`, {
    name: "node-1",
    uuid: provider.split("/").at(-1),
  });
  const inventory = { total: 64, max_unit: 64, min_unit: 1, step_size: 1, reserved: 0, allocation_ratio: 1 };
  await managed(before.token, "PUT", `${provider}/inventories`, {
    resource_provider_generation: 0,
    inventories: { VCPU: inventory },
  });
  // What runs uses next to nothing of what it was sold: the ratio may rise.
  await managed(before.token, "PUT", `${placement.url}/allocations/${randomUUID()}`, {
    allocations: { [provider.split("/").at(-1)!]: { resources: { VCPU: 60 } } },
    project_id: "p",
    user_id: "u",
  });
  const ratio = async (): Promise<number> => {
    const { token } = await tokensOf(byPassword).access(never);
    const { inventories } = await managed(token, "GET", `${provider}/inventories`);
    return (inventories as { VCPU: { allocation_ratio: number } }).VCPU.allocation_ratio;
  };
  const deliver = (tokens: ReturnType<typeof tokensOf>, hour: number): Promise<void> => {
    const api = new PlacementApi(server("Placement"), tokens, null);
    const bounds = { cpu: BOUNDS, memory: null };
    const common = { dispatcher, dryRun: false, providers: new Map(), log: quietLog() };
    const sink = placementSink({ api, bounds, clock: realClock(), ...common });
    const at = Date.now() + hour * 3_600_000;
    const estimate = estimateOf("node-1", { at: milliseconds(at), validUntil: milliseconds(at + 3_600_000) });
    return sink.deliver([{ ...estimate, cpu: { ...estimate.cpu, booked: 60, need: 0 } }], never);
  };

  const tokens = tokensOf(byPassword);
  await deliver(tokens, 0);
  assert.equal(await ratio(), 1.25);
  const { token } = await tokens.access(never);
  await managed(token, "DELETE", `${keystone.url}/v3/auth/tokens`);
  await deliver(tokens, 1);
  assert.equal(await ratio(), 1.5, "a token that is revoked is fetched anew");
  assert.notEqual((await tokens.access(never)).token, token);

  const fresh = await tokens.access(never);
  const owner = await managed(fresh.token, "GET", `${keystone.url}/v3/users?name=${ADMIN.user}`);
  const [{ id }] = owner.users as unknown as [{ id: string }];
  const { application_credential: made } = await managed(
    fresh.token,
    "POST",
    `${keystone.url}/v3/users/${id}/application_credentials`,
    { application_credential: { name: "headroom" } },
  );
  const { id: credential, secret } = made as { id: string; secret: string };
  await deliver(tokensOf({ kind: "application", id: credential, secret }), 2);
  assert.equal(await ratio(), 1.75);

  const wrong = tokensOf({ ...byPassword, password: "wrong" });
  await assert.rejects(deliver(wrong, 3), failsWith("sink-failed"));
  assert.equal(await ratio(), 1.75);
});
