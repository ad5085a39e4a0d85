/** Settings that make a host part of a cluster: its schedulers, and what placement is told of the host. */
import { absolutePath, decimal, listOf, nonEmpty, orNull, setting } from "./setting.js";

export const httpUrl = nonEmpty.refine((text) => /^https?:\/\/[^\s?#@]+$/.test(text) && URL.canParse(text));
const LABEL = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}=[A-Za-z0-9._/:-]{0,63}$/;
const nameOf = (label: string): string => label.slice(0, label.indexOf("="));

export const MEMBERSHIP = {
  schedulerUrls: setting({
    group: "Cluster",
    names: ["HEADROOM_SCHEDULER_URLS"],
    about: "Schedulers that the host registers with; the agent finds the one that leads (empty: no cluster)",
    allowed: "a comma list of URLs such as http://10.0.0.1:8100",
    fallback: [] as readonly string[],
    schema: listOf(httpUrl),
  }),
  schedulerToken: setting({
    group: "Cluster",
    names: ["HEADROOM_SCHEDULER_TOKEN"],
    about: "Access token of role agent that the agent presents to schedulers",
    allowed: "a token as headroom token printed it",
    fallback: null as string | null,
    schema: orNull(nonEmpty),
    secret: true,
  }),
  clusterAuthority: setting({
    group: "Cluster",
    names: ["HEADROOM_CLUSTER_AUTHORITY"],
    about:
      "Certificate authority (PEM) that the certificates of schedulers and agents must be of (empty: the system's)",
    allowed: "an absolute path",
    fallback: null as string | null,
    schema: orNull(absolutePath),
  }),
  advertisedUrl: setting({
    group: "Cluster",
    names: ["HEADROOM_ADVERTISED_URL"],
    about: "Where schedulers reach this agent (empty: the address that it listens on)",
    allowed: "a URL such as http://10.0.0.7:8099",
    fallback: null as string | null,
    schema: orNull(httpUrl),
  }),
  labels: setting({
    group: "Cluster",
    names: ["HEADROOM_LABELS"],
    about: "Labels of the host, for VMs that ask for some",
    allowed: "a comma list of key=value pairs, each key once, such as zone=a,disk=ssd",
    fallback: [] as readonly string[],
    schema: listOf(nonEmpty.refine((text) => LABEL.test(text))).refine(
      (labels) => new Set(labels.map(nameOf)).size === labels.length,
    ),
  }),
  migrationUri: setting({
    group: "Cluster",
    names: ["HEADROOM_MIGRATION_URI"],
    about: "Where other hosts' agents reach this host's libvirt, to move VMs live (empty: none come or go)",
    allowed: "a URI such as qemu+tls://node-7/system, qemu+ssh://root@node-7/system or qemu+tcp://10.0.0.7/system",
    fallback: null as string | null,
    schema: orNull(nonEmpty.refine((text) => /^qemu\+(tls|ssh|tcp):\/\/[^\s?]+\/system$/.test(text))),
  }),
  sharedFolders: setting({
    group: "Cluster",
    names: ["HEADROOM_SHARED_FOLDERS"],
    about: "Folders that all hosts see alike (shared storage): VMs with disks elsewhere are not moved",
    allowed: "a comma list of absolute paths",
    fallback: [] as readonly string[],
    schema: listOf(absolutePath),
  }),
  migrationSeconds: setting({
    group: "Cluster",
    names: ["HEADROOM_MIGRATION_SECONDS"],
    about: "Seconds that a VM may be on its way to another host before the move is given up",
    allowed: "a number of seconds from 1 to 3000",
    fallback: 600,
    schema: decimal(1, 3000),
  }),
};

/** `["zone=a"]` as `{ zone: "a" }`. */
export const labelsOf = (labels: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(labels.map((label) => [nameOf(label), label.slice(label.indexOf("=") + 1)]));
