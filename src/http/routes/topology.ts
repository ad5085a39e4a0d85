/** `GET /v1/topology`: pCPUs with their cores, caches, NUMA cells and packages. */
import { cpuSetOf, formatCpuSet } from "../../core/cpuset.js";
import type { Topology } from "../../core/topology/model.js";
import type { Routes } from "../context.js";
import { topologyAnswer } from "../schemas/answers.js";
import { noQuery } from "../schemas/requests.js";

export const topologyRoute: Routes = (app, context) => {
  app.route({
    method: "GET",
    url: "/v1/topology",
    config: { access: "read" },
    schema: {
      tags: ["Hosts"],
      summary: "Show what the host is made of",
      operationId: "showTopology",
      querystring: noQuery,
      response: { 200: topologyAnswer },
    },
    handler: () => ({ host: context.hostId(), ...topologyOf(context.agent.topology()) }),
  });
};

function topologyOf({ totalPcpus, pcpus, cells, memory }: Topology) {
  return {
    totalPcpus,
    pcpus: pcpus.map(({ id, packageId, cellId, smtSiblings, caches, maxFrequencyKHz }) => ({
      id,
      packageId,
      cellId,
      smtSiblings: formatCpuSet(cpuSetOf(smtSiblings)),
      caches: [...caches],
      maxFrequencyKHz,
    })),
    cells: cells.map(({ id, distances, memoryMiB }) => ({ id, distances: Object.fromEntries(distances), memoryMiB })),
    memory,
  };
}
