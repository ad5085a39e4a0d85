/** The scheduler's settings: the seeds' names, one config file for agent and scheduler, what is refused and how. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SCHEDULER_PROGRAM } from "../../src/cli/settings/program.js";
import { type Places, resolveFor, resolveSettings } from "../../src/cli/settings/resolve.js";
import { SCHEDULER_SETTINGS } from "../../src/cli/settings/scheduler-settings.js";

const NOWHERE: Places = { flags: {}, environment: {}, envFile: null, configFile: null };
const resolve = (some: Partial<Places>) => resolveFor(SCHEDULER_PROGRAM, { ...NOWHERE, ...some });

test("an .env file of the seeds works as it is, and tells the scheduler's port from the agent's", () => {
  const environment = {
    SCL_PORT: "8099",
    SCG_URL: "127.0.0.1",
    SCG_PORT: "8101",
    SCG_DELAY: "2",
    SCG_NODE_URL_LIST: "http://127.0.0.1:8099,10.0.0.7:8099",
  };
  const { settings, problems, warnings } = resolve({ environment });
  assert.deepEqual([problems, warnings], [[], []]);
  assert.deepEqual([settings.address, settings.port, settings.heartbeatSeconds], ["127.0.0.1", 8101, 2]);
  assert.deepEqual(settings.list, ["http://127.0.0.1:8099", "http://10.0.0.7:8099"]);
  assert.equal(resolveSettings({ ...NOWHERE, environment }).settings.port, 8099);
});

test("the flag --list wins over the environment, as with the seeds", () => {
  const { settings } = resolve({ flags: { list: "http://b:1" }, environment: { SCG_NODE_URL_LIST: "http://a:1" } });
  assert.deepEqual(settings.list, ["http://b:1"]);
});

describe("one config file serves agent and scheduler", () => {
  const configFile = {
    path: "/etc/headroom/config.json",
    values: {
      port: 8000,
      policy: "slackvm",
      logLevel: "warn",
      scheduler: { port: 9000, etcdEndpoints: ["http://e:1"] },
    },
  };

  test("what both have stands at the top, the scheduler's own in its section", () => {
    const scheduler = resolve({ configFile });
    assert.deepEqual(scheduler.problems, []);
    assert.deepEqual([scheduler.settings.port, scheduler.settings.logLevel], [9000, "warn"]);
    assert.deepEqual(scheduler.settings.etcdEndpoints, ["http://e:1"]);
    const agent = resolveSettings({ ...NOWHERE, configFile });
    assert.deepEqual([agent.problems, agent.settings.port], [[], 8000]);
  });

  test("a mistyped key of the section is refused, and so is a section that is none", () => {
    const mistyped = { ...configFile, values: { scheduler: { prot: 1 } } };
    assert.match(resolve({ configFile: mistyped }).problems[0]!, /prot .* is not a setting; did you mean port\?/);
    const none = { ...configFile, values: { scheduler: "yes" } };
    assert.match(resolve({ configFile: none }).problems[0]!, /scheduler .* must be a JSON object/);
  });
});

describe("a wrong value is refused with its name, the value and what is allowed", () => {
  const wrong: readonly (readonly [keyof typeof SCHEDULER_SETTINGS, string, RegExp?])[] = [
    ["port", "scheduler"],
    ["list", "ftp://host"],
    ["list", "http://user:secret@host"],
    ["list", "http://host/?a=1"],
    ["heartbeatSeconds", "0"],
    ["placement", "best"],
    ["weights", "balance"],
    ["weights", "nonesuch=1", /there is no weigher "nonesuch"; there are /],
    ["etcdEndpoints", "e1:2379"],
    ["etcdPrefix", "headroom"],
    ["etcdAuthority", "ca.pem"],
    ["leaderSeconds", "1"],
    ["epochAbove", "-1"],
    ["advertisedUrl", "10.0.0.1:8100"],
  ];
  for (const [key, value, detail] of wrong) {
    test(`${key} ${value}`, () => {
      const [name] = SCHEDULER_SETTINGS[key].names;
      const { problems } = resolve({ environment: { [name]: value } });
      assert.equal(problems.length, 1);
      assert.ok(problems[0]!.includes(name) && problems[0]!.includes(SCHEDULER_SETTINGS[key].allowed), problems[0]);
      if (detail !== undefined) assert.match(problems[0]!, detail);
    });
  }

  test("values that are wrong together", () => {
    const cases = [
      [{ HEADROOM_SUSPECT_SECONDS: "5", SCG_DELAY: "5" }, /HEADROOM_SUSPECT_SECONDS \(5\) must be more than/],
      [{ HEADROOM_DOWN_SECONDS: "10" }, /HEADROOM_DOWN_SECONDS \(10\) must not be less than/],
      [{ HEADROOM_TLS_KEY: "/k" }, /HEADROOM_TLS_CERTIFICATE and HEADROOM_TLS_KEY go together/],
      [{ HEADROOM_ETCD_KEY: "/k" }, /HEADROOM_ETCD_CERTIFICATE and HEADROOM_ETCD_KEY go together/],
      [{ HEADROOM_ETCD_USER: "u" }, /HEADROOM_ETCD_USER and HEADROOM_ETCD_PASSWORD go together/],
    ] as const;
    for (const [environment, message] of cases) assert.match(resolve({ environment }).problems[0]!, message);
  });
});
