/**
 * Where samples are kept, for every program that writes or reads them: the collector, export and import, estimators, reports.
 * In a config file they stand below the key `samples`. The seeds' names of InfluxDB (spec 2.3) stand beside Headroom's.
 */
import { AGENT_SETTINGS } from "./agent-settings.js";
import { absolutePath, choice, nonEmpty, orNull, setting, wholeNumber } from "./setting.js";

const DAY_SECONDS = 86_400;

export const SAMPLE_STORES = ["auto", "embedded", "prometheus", "influxdb"] as const;

const httpUrl = nonEmpty.refine((text) => /^https?:\/\/[^\s?#]+$/.test(text) && URL.canParse(text));
const A_URL = "a URL such as";

const EMBEDDED = {
  sampleStore: setting({
    group: "Samples",
    names: ["HEADROOM_SAMPLE_STORE"],
    about: "Where samples are kept (auto: in InfluxDB where its address is set, embedded otherwise)",
    allowed: `one of ${SAMPLE_STORES.join(", ")}`,
    fallback: "auto" as (typeof SAMPLE_STORES)[number],
    schema: choice(...SAMPLE_STORES),
  }),
  sampleFolder: setting({
    group: "Samples",
    names: ["HEADROOM_SAMPLE_FOLDER"],
    about: "Folder of the embedded store; one process writes, others read beside it",
    allowed: "an absolute path",
    fallback: "/var/lib/headroom/samples",
    schema: absolutePath,
  }),
  sampleDays: setting({
    group: "Samples",
    names: ["HEADROOM_SAMPLE_DAYS"],
    about: "Days that the embedded store keeps samples",
    allowed: "a whole number from 1 to 36500",
    fallback: 400,
    schema: wholeNumber(1, 36_500),
  }),
  fineSampleDays: setting({
    group: "Samples",
    names: ["HEADROOM_SAMPLE_FINE_DAYS"],
    about: "Days that it keeps every sample; older ones are summarised",
    allowed: "a whole number from 1 to 36500",
    fallback: 30,
    schema: wholeNumber(1, 36_500),
  }),
  coarseSampleSeconds: setting({
    group: "Samples",
    names: ["HEADROOM_SAMPLE_COARSE_SECONDS"],
    about: "What a summary spans, in seconds",
    allowed: "a whole number of seconds that divides a day, such as 300",
    fallback: 300,
    schema: wholeNumber(1, DAY_SECONDS).refine((value) => DAY_SECONDS % value === 0),
  }),
};

const PROMETHEUS = {
  prometheusUrl: setting({
    group: "Samples",
    names: ["HEADROOM_PROMETHEUS_URL"],
    about: "Prometheus, or what speaks as it does: where queries go",
    allowed: `${A_URL} http://127.0.0.1:9090`,
    fallback: null as string | null,
    schema: orNull(httpUrl),
  }),
  prometheusWriteUrl: setting({
    group: "Samples",
    names: ["HEADROOM_PROMETHEUS_WRITE_URL"],
    about: "Where its remote write goes (empty: /api/v1/write of the same)",
    allowed: `${A_URL} http://127.0.0.1:9090/api/v1/write`,
    fallback: null as string | null,
    schema: orNull(httpUrl),
  }),
  prometheusToken: setting({
    group: "Samples",
    names: ["HEADROOM_PROMETHEUS_TOKEN"],
    about: "Bearer token that it wants",
    allowed: "a token",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
    secret: true,
  }),
};

const INFLUXDB = {
  influxdbUrl: setting({
    group: "Samples",
    names: ["HEADROOM_INFLUXDB_URL", "INFLUXDB_URL"],
    about: "InfluxDB",
    allowed: `${A_URL} http://127.0.0.1:8086`,
    fallback: null as string | null,
    schema: orNull(httpUrl),
  }),
  influxdbToken: setting({
    group: "Samples",
    names: ["HEADROOM_INFLUXDB_TOKEN", "INFLUXDB_TOKEN"],
    about: "Token that it wants",
    allowed: "a token",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
    secret: true,
  }),
  influxdbOrg: setting({
    group: "Samples",
    names: ["HEADROOM_INFLUXDB_ORG", "INFLUXDB_ORG"],
    about: "Organisation that the bucket belongs to (Flux)",
    allowed: "a name",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
  }),
  influxdbBucket: setting({
    group: "Samples",
    names: ["HEADROOM_INFLUXDB_BUCKET", "INFLUXDB_BUCKET"],
    about: "Bucket of the samples; the database, for InfluxQL",
    allowed: "a name",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
  }),
  influxdbDialect: setting({
    group: "Samples",
    names: ["HEADROOM_INFLUXDB_DIALECT"],
    about: "How it is asked: Flux (InfluxDB 2), or InfluxQL (1.x, 3, and 2 where mapped)",
    allowed: "one of flux, influxql",
    fallback: "flux" as "flux" | "influxql",
    schema: choice("flux", "influxql"),
  }),
};

export const SAMPLE_STORE_SETTINGS = {
  ...EMBEDDED,
  ...PROMETHEUS,
  ...INFLUXDB,
  logLevel: AGENT_SETTINGS.logLevel,
  logFormat: AGENT_SETTINGS.logFormat,
};
