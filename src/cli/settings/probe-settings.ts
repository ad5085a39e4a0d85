/**
 * Every setting of a probe, in the order in which they are shown. What an agent has as well is the agent's own, so that one file
 * serves both on a host.
 */

import { FLAT_PREFIX } from "../../core/telemetry/flat-form.js";
import { AGENT_SETTINGS } from "./agent-settings.js";
import { listenOn } from "./listening.js";
import { absolutePath, choice, decimal, nonEmpty, orNull, setting, yesOrNo } from "./setting.js";

const SAME = AGENT_SETTINGS;

export const flatPrefix = nonEmpty.refine((text) => FLAT_PREFIX.test(text));

export const PROBE_SETTINGS = {
  hypervisor: SAME.hypervisor,
  form: setting({
    group: "Telemetry",
    names: ["HEADROOM_PROBE_FORM"],
    about: "Names of the metrics: Prometheus' customs with labels, or the earlier probe's flat names",
    allowed: "one of idiomatic, flat",
    fallback: "idiomatic" as "idiomatic" | "flat",
    schema: choice("idiomatic", "flat"),
  }),
  prefix: setting({
    group: "Telemetry",
    names: ["HEADROOM_PROBE_PREFIX"],
    about: "What flat names begin with (empty: the host's name, letters and digits of it)",
    allowed: "letters, digits and _, a letter first, at most 64",
    fallback: null as string | null,
    schema: orNull(flatPrefix),
  }),
  probeSeconds: setting({
    group: "Telemetry",
    names: ["HEADROOM_PROBE_SECONDS"],
    about: "Seconds between two writes of the textfile, and length of an interval of performance counters",
    allowed: "a number of seconds from 1 to 3600",
    fallback: 5,
    schema: decimal(1, 3600),
  }),
  textfile: setting({
    group: "Telemetry",
    names: ["HEADROOM_PROBE_TEXTFILE"],
    about: "File that is kept up to date for node_exporter's textfile collector (empty: none)",
    allowed: "an absolute path that ends in .prom",
    fallback: null as string | null,
    schema: orNull(absolutePath.refine((path) => path.endsWith(".prom"))),
  }),
  perf: setting({
    group: "Telemetry",
    names: ["HEADROOM_PROBE_PERF"],
    about: "Read performance counters through perf stat, where there is one and the machine has some",
    allowed: "yes or no",
    fallback: true,
    schema: yesOrNo,
  }),
  ...listenOn(["HEADROOM_PROBE_ADDRESS"], ["HEADROOM_PROBE_PORT"], 8101),
  tokensFile: SAME.tokensFile,
  tlsCertificate: SAME.tlsCertificate,
  tlsKey: SAME.tlsKey,
  requestTimeoutSeconds: SAME.requestTimeoutSeconds,
  maximumInFlight: SAME.maximumInFlight,
  logLevel: SAME.logLevel,
  logFormat: SAME.logFormat,
};
