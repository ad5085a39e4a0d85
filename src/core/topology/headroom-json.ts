/**
 * Headroom's own topology JSON: the whole model, nothing derived, CPU sets in the kernel's notation and a pCPU per line,
 * so that files of two hosts can be compared by eye. Reading what was written gives an equal topology.
 */
import { cpuSetOf, formatCpuSet, MAX_PCPU_ID } from "../cpuset.js";
import { mib } from "../units.js";
import { JsonField } from "./json-field.js";
import type { CacheIndex, NumaCell, Pcpu, Topology } from "./model.js";

export const HEADROOM_TOPOLOGY_FORMAT = "headroom-topology/1";

const MAX_SMALL = 65_535;

const cacheOf = (field: JsonField): CacheIndex => ({
  index: field.get("index").whole(0, 15),
  level: field.get("level").whole(1, 9),
  domain: field.get("domain").whole(0, Number.MAX_SAFE_INTEGER),
});

function pcpuOf(field: JsonField): Pcpu {
  const frequency = field.get("maxFrequencyKHz");
  return {
    id: field.get("id").whole(0, MAX_PCPU_ID),
    packageId: field.get("packageId").whole(0, Number.MAX_SAFE_INTEGER),
    cellId: field.get("cellId").whole(0, MAX_SMALL),
    smtSiblings: [...field.get("smtSiblings").cpuSet()],
    packageSiblings: [...field.get("packageSiblings").cpuSet()],
    caches: field.get("caches").list().map(cacheOf),
    maxFrequencyKHz: frequency.present ? frequency.number(0) : null,
  };
}

function cellOf(field: JsonField): NumaCell {
  const memory = field.get("memoryMiB");
  const distances = field.get("distances").numberedEntries();
  return {
    id: field.get("id").whole(0, MAX_SMALL),
    distances: new Map(distances.map(([to, distance]) => [to, distance.whole(0, 255)])),
    memoryMiB: memory.present ? mib(memory.number(0)) : null,
  };
}

/** Throws `TopologyFormatError` naming the field and what is allowed. */
export function parseHeadroomTopology(text: string): Topology {
  const document = JsonField.parse(text);
  const format = document.get("format");
  if (format.text() !== HEADROOM_TOPOLOGY_FORMAT) throw format.wrong(`"${HEADROOM_TOPOLOGY_FORMAT}"`);
  const cells = document.get("cells").list().map(cellOf);
  const cellIds = new Set(cells.map((cell) => cell.id));
  if (cellIds.size !== cells.length) throw document.get("cells").wrong("each cell once");
  const list = document.get("pcpus");
  const fields = list.list();
  if (fields.length === 0) throw list.wrong("at least one pCPU");
  const seen = new Set<number>();
  const pcpus = fields.map((field) => {
    const pcpu = pcpuOf(field);
    if (seen.has(pcpu.id)) throw field.get("id").wrong("each pCPU once");
    seen.add(pcpu.id);
    if (!cellIds.has(pcpu.cellId)) throw field.get("cellId").wrong("one of `cells`");
    return pcpu;
  });
  const memory = document.get("memory");
  return {
    pcpus,
    totalPcpus: document.get("totalPcpus").whole(pcpus.length, MAX_PCPU_ID + 1),
    cells,
    memory: {
      totalMiB: mib(memory.get("totalMiB").number(0)),
      allowedMiB: mib(memory.get("allowedMiB").number(0)),
    },
  };
}

const asText = (ids: readonly number[]): string => formatCpuSet(cpuSetOf(ids));

/** Ends with a newline. */
export function formatHeadroomTopology(topology: Topology): string {
  const cells = topology.cells.map((cell) => ({ ...cell, distances: Object.fromEntries(cell.distances) }));
  const pcpus = topology.pcpus.map((pcpu) => ({
    ...pcpu,
    smtSiblings: asText(pcpu.smtSiblings),
    packageSiblings: asText(pcpu.packageSiblings),
  }));
  const perLine = (items: readonly object[]): string => items.map((item) => `\n    ${JSON.stringify(item)}`).join(",");
  const members = [
    `"format": ${JSON.stringify(HEADROOM_TOPOLOGY_FORMAT)}`,
    `"totalPcpus": ${topology.totalPcpus}`,
    `"memory": ${JSON.stringify(topology.memory)}`,
    `"cells": [${perLine(cells)}\n  ]`,
    `"pcpus": [${perLine(pcpus)}\n  ]`,
  ];
  return `{\n  ${members.join(",\n  ")}\n}\n`;
}
