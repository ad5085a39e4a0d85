/** A topology out of any text that one can be handed in: the seeds' JSON, Headroom's JSON or a recorded host. */
import { HEADROOM_TOPOLOGY_FORMAT, parseHeadroomTopology } from "./headroom-json.js";
import { JsonField } from "./json-field.js";
import { parseRecordedHost, RECORDED_HOST_HEADER } from "./recorded-host.js";
import { parseSeedTopology } from "./seed-json.js";
import { type HostReading, readTopology } from "./sysfs.js";

/** Tells the formats apart by their first words. Throws `TopologyFormatError` naming the field and what is allowed. */
export function parseTopologyText(text: string): HostReading {
  if (text.startsWith(RECORDED_HOST_HEADER)) return readTopology(parseRecordedHost(text));
  const document = JsonField.parse(text);
  if (document.get("format").present) return { topology: parseHeadroomTopology(text), warnings: [] };
  const seed = document.get("cpuset");
  if (!seed.present) {
    throw seed.wrong(`the seeds' topology, or "format": "${HEADROOM_TOPOLOGY_FORMAT}", or a recorded host`);
  }
  return { topology: parseSeedTopology(text), warnings: [] };
}
