/** What a machine keeps on its disk, in memory: it outlives the agent's process, and is gone with the run. */
import type { DiskImages, GrowingText } from "../ports/host.js";
import type { Log } from "../ports/log.js";

const nothing = (): void => undefined;

export const silentLog: Log = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** `written`: called after every write. */
export function keptText(written: () => void = nothing): GrowingText {
  let kept: string | null = null;
  return {
    read: async () => kept,
    async write(text) {
      kept = text;
      written();
    },
    async append(text) {
      kept = (kept ?? "") + text;
      written();
    },
  };
}

/** Machines that know these images. */
export function keptImages(...known: readonly string[]): DiskImages {
  return {
    resolve: async (path) => (known.includes(path) ? { path } : { problem: `there is no image ${path}` }),
    createOverlay: async (vm) => `/overlays/${vm}.qcow2`,
    removeOverlay: async () => undefined,
  };
}
