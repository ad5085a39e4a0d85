/** The kernel's switch for merging equal pages: `/sys/kernel/mm/ksm/run` (the kernel's admin-guide, mm/ksm). */
import { readFile, writeFile } from "node:fs/promises";
import { OperationalError } from "../../ports/errors.js";
import type { PageMergingSwitch } from "../../ports/host.js";

const FOLDER = "/sys/kernel/mm/ksm";
/** 0: stopped, what is merged stays merged. 1: runs. 2, which splits everything again, is never written: it costs memory at once. */
const [STOPPED, RUNS] = ["0", "1"];

export function pageMergingSwitch(folder = FOLDER): PageMergingSwitch {
  const path = `${folder}/run`;
  return {
    async isOn(): Promise<boolean | null> {
      try {
        return (await readFile(path, "utf8")).trim() === RUNS;
      } catch (cause) {
        if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return null;
        throw new OperationalError("host-unreadable", `${path} cannot be read: ${(cause as Error).message}`, false, {
          cause,
        });
      }
    },
    async turn(on: boolean): Promise<void> {
      try {
        await writeFile(path, on ? RUNS : STOPPED);
      } catch (cause) {
        throw new OperationalError("host-unreadable", `${path} cannot be written: ${(cause as Error).message}`, false, {
          cause,
        });
      }
    },
  };
}
