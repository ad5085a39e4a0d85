/**
 * Traces for benchmarks, of the size of the references' "large": 150 VMs over 12 hours in steps of 15 s, by default. Made from
 * a seed, always the same; written as a stream, as they may be longer than memory.
 */

import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";
import { pythonFloat } from "../../src/trace/python-number.js";
import { TRACE_HEADER } from "../../src/trace/writer.js";

export interface MadeTrace {
  readonly vms: number;
  readonly hours: number;
  /** Null: one pool per VM, its ratio 1, 2 or 3. */
  readonly template: readonly number[] | null;
}

interface MadeVm {
  readonly name: string;
  readonly uuid: string;
  readonly vcpus: number;
  readonly memoryMb: number;
  readonly ratios: readonly number[];
  readonly first: number;
  readonly last: number;
}

const STEP_SECONDS = 15;
const SIZES = [1, 1, 2, 2, 2, 4, 4, 8];
const MEMORY_MB = [768, 1792, 2048, 4096, 7168, 8192, 14_336];
const RATIOS = [1, 2, 3];

/** mulberry32: 32 bits of state, uniform in [0, 1). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function makeVms(made: MadeTrace, random: () => number): readonly MadeVm[] {
  const pick = (list: readonly number[]): number => list[Math.floor(random() * list.length)]!;
  const ticks = (made.hours * 3600) / STEP_SECONDS;
  return Array.from({ length: made.vms }, (_, i) => {
    const vcpus = pick(SIZES);
    const { template } = made;
    const ratios = template === null ? [pick(RATIOS)] : template.slice(0, Math.min(vcpus, template.length));
    const first = i < made.vms / 10 ? 0 : Math.floor(random() * ticks * 0.8);
    const last = Math.min(ticks - 1, first + 1 + Math.floor(-Math.log(1 - random()) * ticks * 0.4));
    const hex = Math.floor(random() * 2 ** 48)
      .toString(16)
      .padStart(12, "0");
    const uuid = `${hex.slice(0, 8)}-${hex.slice(0, 4)}-4000-8000-${hex}`;
    return { name: `vm${i}`, uuid, vcpus, memoryMb: pick(MEMORY_MB), ratios, first, last };
  });
}

/** The records of one tick. `pools`: ratios in order of creation, completed as VMs arrive. */
function tickText(
  tick: number,
  vms: readonly MadeVm[],
  pools: number[],
  perVcpu: boolean,
  random: () => number,
): string {
  const value = (scale: number): string => pythonFloat(Math.round(random() * scale * 1e6) / 1e6);
  const t = tick * STEP_SECONDS;
  for (const vm of vms) for (const ratio of vm.ratios) if (!pools.includes(ratio)) pools.push(ratio);
  let out = `${t}\tglobal\tcpu\t${value(1)}\t232\tNone\tNone\tNone\tNone\tNone\tNone\n`;
  for (const ratio of pools) {
    const pool = `subset-${pythonFloat(ratio)}`;
    const oc = pythonFloat(ratio);
    out += `${t}\tsubset\tcpu\t${value(40)}\t40\t${pool}\tNone\tNone\t${oc}\t0\t{"res_list": [], "consumer_list": []}\n`;
    for (const vm of vms)
      if (vm.ratios.includes(ratio))
        out += `${t}\tvm\tcpu\t${value(1)}\t${vm.vcpus}\t${pool}\t${vm.uuid}\t${vm.name}\t${oc}\tNone\tNone\n`;
  }
  const [pool, oc] = perVcpu ? ["subset-1.0", "1.0"] : ["subset-1", "1"];
  out += `${t}\tglobal\tmem\t${value(1)}\t524288\tNone\tNone\tNone\tNone\tNone\tNone\n`;
  out += `${t}\tsubset\tmem\t${value(1)}\t200000\t${pool}\tNone\tNone\t${oc}\t0\t{"res_list": [], "consumer_list": []}\n`;
  for (const vm of vms)
    out += `${t}\tvm\tmem\t${value(1)}\t${vm.memoryMb}\t${pool}\t${vm.uuid}\t${vm.name}\t${oc}\tNone\tNone\n`;
  return out;
}

/** Writes the trace; returns its lines, the header included. */
export async function writeMadeTrace(path: string, made: MadeTrace): Promise<number> {
  const random = randomOf(2026);
  const vms = makeVms(made, random);
  const pools: number[] = [];
  const stream = createWriteStream(path);
  stream.write(TRACE_HEADER);
  let lines = 1;
  for (let tick = 0; tick * STEP_SECONDS < made.hours * 3600; tick++) {
    const present = vms.filter((vm) => vm.first <= tick && tick <= vm.last);
    const text = tickText(tick, present, pools, made.template !== null, random);
    lines += text.split("\n").length - 1;
    if (!stream.write(text)) await once(stream, "drain");
  }
  stream.end();
  await finished(stream);
  return lines;
}
