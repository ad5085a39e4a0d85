/** The shape of a VM as somebody types it: checked before it is sent, with what is allowed in words. Pure. */
export interface TypedVm {
  readonly vcpus: string;
  readonly memoryGiB: string;
  readonly ratio: string;
}

export type Checked =
  | { readonly ok: true; readonly vcpus: number; readonly memoryMiB: number; readonly ratio: number | null }
  | { readonly ok: false; readonly problem: string };

const DECIMAL = /^\d+(?:\.\d+)?$/;

export function checkVm({ vcpus, memoryGiB, ratio }: TypedVm): Checked {
  const problem = (text: string): Checked => ({ ok: false, problem: text });
  if (!/^[1-9]\d{0,4}$/.test(vcpus.trim())) return problem("vCPUs: a whole number from 1");
  if (!DECIMAL.test(memoryGiB.trim()) || Number(memoryGiB) <= 0)
    return problem("Memory: GiB above 0, such as 4 or 0.5");
  const memoryMiB = Math.round(Number(memoryGiB) * 1024);
  if (memoryMiB < 1) return problem("Memory: at least 1 MiB");
  if (ratio.trim() === "") return { ok: true, vcpus: Number(vcpus), memoryMiB, ratio: null };
  if (!DECIMAL.test(ratio.trim()) || Number(ratio) < 1)
    return problem("Ratio: vCPUs per pCPU from 1, such as 2 or 1.5; empty where hosts' templates decide");
  return { ok: true, vcpus: Number(vcpus), memoryMiB, ratio: Number(ratio) };
}
