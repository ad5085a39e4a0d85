/** Where a setting's value comes from, and what happens to a wrong one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { AGENT_SETTINGS, SETTING_KEYS, type SettingKey } from "../../src/cli/settings/agent-settings.js";
import { ALL_NAMES } from "../../src/cli/settings/program.js";
import { flagName, type Place, type Places, resolveSettings } from "../../src/cli/settings/resolve.js";
import { formatSetting, type Setting } from "../../src/cli/settings/setting.js";

const NOWHERE: Places = { flags: {}, environment: {}, envFile: null, configFile: null };
const places = (some: Partial<Places>): Places => ({ ...NOWHERE, ...some });
const fromEnvironment = (environment: Places["environment"]) => resolveSettings(places({ environment }));

describe("precedence", () => {
  const everywhere: Places = {
    flags: { port: "1" },
    environment: { HEADROOM_PORT: "2", SCL_PORT: "3" },
    envFile: { path: "/etc/agent.env", values: { HEADROOM_PORT: "4", SCL_PORT: "5" } },
    configFile: { path: "/etc/agent.json", values: { port: 6 } },
  };
  const without = (...names: readonly (keyof Places)[]): Places => {
    const left = { ...everywhere };
    for (const name of names) Object.assign(left, { [name]: NOWHERE[name] });
    return left;
  };
  const steps: readonly (readonly [string, Places, number, Place])[] = [
    ["a flag wins over all", everywhere, 1, "flag"],
    ["the environment wins over files", without("flags"), 2, "environment"],
    ["the .env file wins over the config file", without("flags", "environment"), 4, "env file"],
    ["the config file wins over the default", without("flags", "environment", "envFile"), 6, "config file"],
    ["the default holds otherwise", NOWHERE, 8099, "default"],
  ];
  for (const [name, given, port, place] of steps) {
    test(name, () => {
      const resolution = resolveSettings(given);
      assert.deepEqual(resolution.problems, []);
      assert.equal(resolution.settings.port, port);
      assert.equal(resolution.origins.port.place, place);
    });
  }

  test("Headroom's own name wins over the seeds' name in the same place", () => {
    const { settings, origins } = fromEnvironment({ SCL_PORT: "3", HEADROOM_PORT: "2" });
    assert.equal(settings.port, 2);
    assert.equal(origins.port.name, "HEADROOM_PORT");
  });
});

test("an .env file of the seeds works as it is", () => {
  const { settings, problems } = fromEnvironment({
    SCL_URL: "localhost",
    SCL_PORT: "8100",
    SCL_DELAY: "15",
    SCL_ACT_MONITORING: "3600",
    QEMU_URL: "qemu:///system",
    QEMU_LOC: "/usr/bin/qemu-system-x86_64",
    QEMU_MACHINE: "pc-q35-6.2",
    TOPO_EXCLUDE: "0,1,128",
    OVSB_TEMPLATE: "1.0,1.5,2.6",
    OVSB_CRITICAL_SIZE: "10",
  });
  assert.deepEqual(problems, []);
  assert.equal(settings.address, "localhost");
  assert.equal(settings.port, 8100);
  assert.equal(settings.tickSeconds, 15);
  assert.equal(settings.hypervisor, "qemu:///system");
  assert.equal(settings.qemuBinary, "/usr/bin/qemu-system-x86_64");
  assert.equal(settings.machine, "pc-q35-6.2");
  assert.deepEqual(settings.excludedPcpus, [0, 1, 128]);
  assert.deepEqual(settings.template, [1, 1.5, 2.6]);
  assert.equal(settings.criticalSize, 10);
  assert.equal(settings.monitoringSeconds, 3600);
  assert.equal(settings.elastic, "off", "its times alone switch nothing on");
});

test("pools follow their usage under policy headroom only", () => {
  for (const asked of [{ HEADROOM_DYNAMIC: "yes" }, { HEADROOM_ELASTIC: "lend" }]) {
    assert.deepEqual(fromEnvironment(asked).problems, []);
    const { problems } = fromEnvironment({ HEADROOM_POLICY: "slackvm", ...asked });
    assert.match(problems.join(), /policy slackvm keeps its pools as they are: HEADROOM_DYNAMIC and HEADROOM_ELASTIC/);
  }
});

test("empty values of an .env file mean: nothing", () => {
  const { settings, problems } = fromEnvironment({ TOPO_EXCLUDE: "", OVSB_TEMPLATE: "", QEMU_LOC: "" });
  assert.deepEqual(problems, []);
  assert.deepEqual(settings.excludedPcpus, []);
  assert.deepEqual(settings.template, []);
  assert.equal(settings.qemuBinary, null);
});

describe("a wrong value is refused with its name, the value and what is allowed", () => {
  const wrong: readonly (readonly [SettingKey, string])[] = [
    ["port", "http"],
    ["port", "-1"],
    ["port", "65536"],
    ["port", "80.5"],
    ["port", "0x50"],
    ["port", ""],
    ["hypervisor", "libvirt"],
    ["policy", "best"],
    ["template", "1.0,two"],
    ["template", "0.5"],
    ["template", "NaN"],
    ["criticalSize", "-1"],
    ["criticalSize", "Infinity"],
    ["maximumRatio", "0"],
    ["excludedPcpus", "0-"],
    ["excludedPcpus", "5-3"],
    ["excludedPcpus", "4000000"],
    ["imageFolders", "images"],
    ["imageFolders", "/ok,../up"],
    ["overlayFolder", "relative/path"],
    ["stateFolder", ""],
    ["machine", "pc' />"],
    ["accelerator", "fast"],
    ["seedCalls", "perhaps"],
    ["tickSeconds", "0"],
    ["tickSeconds", "1e3"],
    ["logLevel", "loud"],
    ["hostName", "a b"],
    ["url", "ftp://host"],
  ];
  for (const [key, value] of wrong) {
    test(`${key}=${JSON.stringify(value)}`, () => {
      const definition: Setting<unknown> = AGENT_SETTINGS[key];
      const name = definition.names[0];
      const { problems, refused } = fromEnvironment({ [name]: value });
      assert.equal(problems.length, 1, problems.join("\n"));
      assert.ok(problems[0]!.startsWith(`${name} (environment) is ${JSON.stringify(value)}; it must be `), problems[0]);
      assert.ok(problems[0]!.includes(definition.allowed), problems[0]);
      assert.ok(refused.has(key));
    });
  }
});

test("every wrong value is named at once", () => {
  const { problems } = fromEnvironment({ HEADROOM_PORT: "x", HEADROOM_POLICY: "y", HEADROOM_TICK_SECONDS: "z" });
  assert.equal(problems.length, 3);
});

test("a wrong secret is not shown", () => {
  const { problems } = resolveSettings(places({ configFile: { path: "/c.json", values: { token: 12345 } } }));
  assert.equal(problems.length, 1);
  assert.doesNotMatch(problems[0]!, /12345/);
});

test("a wrong part of a CPU set is pointed at", () => {
  assert.match(fromEnvironment({ TOPO_EXCLUDE: "0-3,x" }).problems[0]!, /"x" is neither an id nor a range/);
});

test("the config file takes JSON types as well as texts", () => {
  const values = { template: [1, 1.5], excludedPcpus: [3, 1], seedCalls: false, port: "80", imageFolders: ["/a"] };
  const { settings, problems } = resolveSettings(places({ configFile: { path: "/c.json", values } }));
  assert.deepEqual(problems, []);
  assert.deepEqual(settings.template, [1, 1.5]);
  assert.deepEqual(settings.excludedPcpus, [1, 3]);
  assert.equal(settings.seedCalls, false);
  assert.equal(settings.port, 80);
});

test("an unknown key of the config file is refused with a guess", () => {
  const { problems } = resolveSettings(places({ configFile: { path: "/c.json", values: { prot: 1 } } }));
  assert.match(problems[0]!, /prot \(config file \/c\.json\) is not a setting; did you mean port\?/);
});

test("an unknown HEADROOM_ name is a warning with a guess, as others may own it", () => {
  const { problems, warnings } = fromEnvironment({ HEADROOM_PROT: "1" });
  assert.deepEqual(problems, []);
  assert.match(warnings[0]!, /HEADROOM_PROT.*did you mean HEADROOM_PORT\?/);
});

describe("settings that contradict each other are refused", () => {
  const cases: readonly (readonly [string, Places["environment"], RegExp])[] = [
    ["sweetspotvm without a template", { HEADROOM_POLICY: "sweetspotvm" }, /needs a template/],
    ["slackvm with a template", { HEADROOM_POLICY: "slackvm", OVSB_TEMPLATE: "1,2" }, /knows no template/],
    ["a certificate without its key", { HEADROOM_TLS_CERTIFICATE: "/c.pem" }, /go together/],
    ["a pCPU kept for the host and unknown", { HEADROOM_HOST_PCPUS: "0-1", TOPO_EXCLUDE: "1" }, /both name pCPU 1/],
  ];
  for (const [name, environment, message] of cases) {
    test(name, () => assert.match(fromEnvironment(environment).problems.join("\n"), message));
  }
});

test("every default is a value that the setting itself allows", () => {
  for (const key of SETTING_KEYS) {
    const definition: Setting<unknown> = AGENT_SETTINGS[key];
    const text = formatSetting(definition.fallback);
    const { problems } = fromEnvironment({ [definition.names[0]]: text });
    assert.deepEqual(problems, [], key);
  }
});

test("names are used once", () => {
  const names = SETTING_KEYS.flatMap((key) => [...AGENT_SETTINGS[key].names]);
  assert.equal(new Set(names).size, names.length);
});

test("every name of the seeds is known", () => {
  const names = new Set<string>(ALL_NAMES);
  const seeds =
    `SCL_URL SCL_PORT SCL_DELAY SCL_ACT_MONITORING SCL_ACT_LEARNING SCL_ACT_LEEWAY SCG_URL SCG_PORT SCG_DELAY
    SCG_NODE_URL_LIST QEMU_URL QEMU_LOC QEMU_MACHINE TOPO_EXCLUDE OVSB_TEMPLATE OVSB_CRITICAL_SIZE INFLUXDB_URL INFLUXDB_TOKEN
    INFLUXDB_ORG INFLUXDB_BUCKET AGGREG_STUB_LIST AGGREG_FETCH_DELAY STATE_ENDPOINT SCHED_NODES SCHED_SCOPE_S
    SCHED_SCOPE_SLICE_S SCHED_SCOPE_INIT_FETCH_PREVIOUS SCHED_SCOPE_HISTORICAL LIBVIRT_NODES BALLOONING_GRACE_PERIOD_S
    BALLOONING_SCOPE_MN BALLOONING_MIN_CONFIG_MB BALLOONING_THRESHOLD_GAIN_MB BALLOONING_SCOPE_SLEEP_S`.split(/\s+/);
  assert.deepEqual(
    seeds.filter((name) => !names.has(name)),
    [],
  );
});

test("flags are the keys in kebab case", () => assert.equal(flagName("reservedMemoryMiB"), "--reserved-memory-mib"));
