/**
 * Where samples are kept, for every program that writes or reads them: the collector, export and import, estimators, reports.
 * In a config file they stand below the key `samples`. The seeds' names of InfluxDB (spec 2.3) stand beside Headroom's.
 */
import { AGENT_SETTINGS } from "./agent-settings.js";
import { absolutePath, choice, setting, wholeNumber } from "./setting.js";

const DAY_SECONDS = 86_400;

const EMBEDDED = {
  sampleStore: setting({
    group: "Samples",
    names: ["HEADROOM_SAMPLE_STORE"],
    about: "Where samples are kept",
    allowed: "one of embedded",
    fallback: "embedded" as const,
    schema: choice("embedded"),
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

export const SAMPLE_STORE_SETTINGS = {
  ...EMBEDDED,
  logLevel: AGENT_SETTINGS.logLevel,
  logFormat: AGENT_SETTINGS.logFormat,
};
