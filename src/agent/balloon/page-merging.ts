/**
 * Switches the kernel's merging of equal pages (KSM) with the host's memory: on while memory is short, off when there is enough
 * again. Merging costs CPU time and lets guests find out by timing what others hold, so it runs only while it is needed, and
 * only where an operator asked for it.
 */
import type { HostMemory } from "../../core/balloon/model.js";
import { mergesPages } from "../../core/balloon/page-merging.js";
import { OperationalError } from "../../ports/errors.js";
import type { PageMergingSwitch } from "../../ports/host.js";
import type { Log } from "../../ports/log.js";

export class PageMerging {
  #problem: string | null = null;

  constructor(
    private readonly kernel: PageMergingSwitch,
    /** Part of the host's memory below which merging begins. */
    private readonly belowShare: number,
    private readonly log: Log,
  ) {}

  /** Whether pages are merged from now on; null where the kernel cannot. A dry run only looks. */
  async follow(host: HostMemory, dryRun: boolean): Promise<boolean | null> {
    try {
      const on = await this.kernel.isOn();
      if (on === null) return null;
      const wanted = mergesPages(on, host, this.belowShare);
      if (wanted === on || dryRun) return on;
      await this.kernel.turn(wanted);
      this.log.info({ on: wanted, availableMiB: host.availableMiB }, "merging of equal pages switched");
      this.#problem = null;
      return wanted;
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      if (this.#problem !== error.message)
        this.log.warn({ err: error }, "merging of equal pages could not be switched");
      this.#problem = error.message;
      return null;
    }
  }
}
