/** The recorded hosts of test/hosts, by name. */
import { readdirSync, readFileSync } from "node:fs";
import { parseRecordedHost } from "../../src/core/topology/recorded-host.js";
import { type HostReading, readTopology } from "../../src/core/topology/sysfs.js";

const folder = new URL("../hosts/", import.meta.url);
const EXTENSION = ".host";

export const HOST_NAMES: readonly string[] = readdirSync(folder)
  .filter((name) => name.endsWith(EXTENSION))
  .map((name) => name.slice(0, -EXTENSION.length))
  .sort();

export const hostText = (name: string): string => readFileSync(new URL(name + EXTENSION, folder), "utf8");

export const recordedHost = (name: string): HostReading => readTopology(parseRecordedHost(hostText(name)));
