/**
 * Every setting of a collector, in the order in which they are shown; those of the sample store follow. The seed's names (spec 2.3)
 * stand beside Headroom's, so that an old `.env` file works as it is.
 */

import { z } from "zod";
import { parseEndpointList } from "../../core/telemetry/endpoints.js";
import { AGENT_SETTINGS } from "./agent-settings.js";
import { listenOn } from "./listening.js";
import { httpUrl } from "./membership-settings.js";
import { SAMPLE_STORE_SETTINGS } from "./sample-store-settings.js";
import { absolutePath, decimal, listOf, nonEmpty, orNull, setting, wholeNumber } from "./setting.js";

const SAME = AGENT_SETTINGS;

/** Checked, and kept as it was written; a config file may hold the JSON itself. */
const endpointList: z.ZodType<string> = z
  .union([z.string(), z.array(z.union([z.string(), z.array(z.string())])).transform((list) => JSON.stringify(list))])
  .superRefine((text, context) => {
    const list = parseEndpointList(text);
    if (!list.ok) context.addIssue({ code: "custom", message: list.problem });
  });

/** Only the last part may hold `*`: a folder that is searched is a folder that is known. */
const targetFiles = listOf(absolutePath.refine((path) => /^(?:\/[^*/]+)*\/[^/]+\.(?:json|ya?ml)$/.test(path)));

export const COLLECTOR_SETTINGS = {
  endpoints: setting({
    group: "Telemetry",
    names: ["HEADROOM_COLLECTOR_ENDPOINTS", "AGGREG_STUB_LIST"],
    about: "Endpoints to scrape: agents, probes, earlier probes with their prefix",
    allowed: 'a comma list of URLs, or JSON such as [["http://w:9100/metrics","prefix"]]',
    fallback: "",
    schema: endpointList,
  }),
  endpointFiles: setting({
    group: "Telemetry",
    names: ["HEADROOM_COLLECTOR_FILES"],
    about: "Files of Prometheus' file_sd that name endpoints; read again when they change",
    allowed: "a comma list of absolute paths that end in .json, .yml or .yaml; * stands for any part of a file's name",
    fallback: [] as readonly string[],
    schema: targetFiles,
  }),
  inventoryUrls: setting({
    group: "Telemetry",
    names: ["HEADROOM_COLLECTOR_SCHEDULERS"],
    about: "Schedulers of a cluster whose hosts are scraped; the first that answers is asked (empty: none)",
    allowed: "a comma list of URLs such as http://10.0.0.1:8100",
    fallback: [] as readonly string[],
    schema: listOf(httpUrl),
  }),
  collectorToken: setting({
    group: "Telemetry",
    names: ["HEADROOM_COLLECTOR_TOKEN"],
    about: "Access token that is presented to the scheduler and to every endpoint; role viewer is enough",
    allowed: "a token as headroom token printed it",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
    secret: true,
  }),
  clusterAuthority: SAME.clusterAuthority,
  scrapeSeconds: setting({
    group: "Telemetry",
    names: ["HEADROOM_SCRAPE_SECONDS", "AGGREG_FETCH_DELAY"],
    about: "Seconds between two scrapes of an endpoint (0: as often as its probe reads)",
    allowed: "0, or a number of seconds from 1 to 3600",
    fallback: 15,
    schema: decimal(0, 3600).refine((value) => value === 0 || value >= 1),
  }),
  scrapeTimeoutSeconds: setting({
    group: "Telemetry",
    names: ["HEADROOM_SCRAPE_TIMEOUT_SECONDS"],
    about: "Time within which an endpoint must have answered in full",
    allowed: "a number of seconds from 0.1 to 600",
    fallback: 10,
    schema: decimal(0.1, 600),
  }),
  scrapeLimitBytes: setting({
    group: "Limits",
    names: ["HEADROOM_SCRAPE_LIMIT_BYTES"],
    about: "Largest answer of an endpoint; a host with 200 VMs says half a megabyte",
    allowed: "a whole number of bytes from 1024 to 268435456",
    fallback: 16_777_216,
    schema: wholeNumber(1024, 2 ** 28),
  }),
  scrapesAtOnce: setting({
    group: "Limits",
    names: ["HEADROOM_SCRAPES_AT_ONCE"],
    about: "Scrapes under way at once; others wait for their turn",
    allowed: "a whole number from 1 to 10000",
    fallback: 256,
    schema: wholeNumber(1, 10_000),
  }),
  ...listenOn(["HEADROOM_COLLECTOR_ADDRESS"], ["HEADROOM_COLLECTOR_PORT"], 8102, " for its own metrics"),
  tokensFile: SAME.tokensFile,
  tlsCertificate: SAME.tlsCertificate,
  tlsKey: SAME.tlsKey,
  requestTimeoutSeconds: SAME.requestTimeoutSeconds,
  maximumInFlight: SAME.maximumInFlight,
  ...SAMPLE_STORE_SETTINGS,
};
