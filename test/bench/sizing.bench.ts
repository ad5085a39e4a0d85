/** What a pass of each sizing policy takes, at 500 VMs of the beginning and at 50,000, beside first fit's in the same run. */
import { configurationBound } from "../../src/core/sizing/configuration-lp.js";
import { demandAfter, kindsOf } from "../../src/core/sizing/kinds.js";
import { columnsOf } from "../../src/core/sizing/model.js";
import { bid } from "../../src/core/sizing/policies/bid.js";
import { firstFit } from "../../src/core/sizing/policies/first-fit.js";
import { paper } from "../../src/core/sizing/policies/progress.js";
import { runPass } from "../../src/core/sizing/run.js";
import { BID_WEIGHTS } from "../../src/core/sizing/size.js";
import { peaks } from "../../src/core/sizing/volume.js";
import { highsSolver } from "../../src/drivers/highs/solver.js";
import { experiment, HOST } from "../sizing/worlds.js";

const solver = highsSolver();
for (const [initial, passes] of [
  [500, 20],
  [50_000, 1],
] as const) {
  const columns = columnsOf(experiment("ovhcloud2023", [25, 25, 50], 1, initial));
  const kinds = kindsOf(columns, HOST);
  const highest = peaks(columns, HOST).reduce((a, b) =>
    Math.max(b.pcpus, b.memory) > Math.max(a.pcpus, a.memory) ? b : a,
  );
  const { hosts, prices } = await configurationBound(kinds, demandAfter(columns, kinds, highest.event), solver.solve);
  const count = Math.ceil(hosts * 1.08);
  let baseline = 0;
  for (const [name, policy] of [
    ["first fit", firstFit],
    ["paper", paper],
    ["bid", bid(kinds, prices, BID_WEIGHTS[0]!)],
  ] as const) {
    const began = performance.now();
    let used = 0;
    for (let pass = 0; pass < passes; pass++) used = runPass(columns, HOST, count, policy).hostsUsed;
    const ms = (performance.now() - began) / passes;
    if (name === "first fit") baseline = ms;
    const ratio = `${(ms / baseline).toFixed(1)} x first fit`;
    console.log(
      `${columns.count} VMs, ${count} hosts, ${name}: ${ms.toFixed(1)} ms a pass, ${ratio}, ${used} hosts used`,
    );
  }
}
await solver.close();
