/** A sample store in memory, that can be made to fail: for collectors under test. */
import { OperationalError } from "../../src/ports/errors.js";
import type { Sample } from "../../src/ports/sample-store.js";

export class MemorySamples {
  readonly samples: Sample[] = [];
  /** Thrown by the next writes while it is set. */
  failure: OperationalError | null = null;
  writes = 0;

  async write(samples: readonly Sample[]): Promise<void> {
    this.writes++;
    if (this.failure !== null) throw this.failure;
    this.samples.push(...samples);
  }

  of(host: string, vm: string | null = null): readonly Sample[] {
    return this.samples.filter((sample) => sample.host === host && sample.vm === vm);
  }
}

export const away = (): OperationalError => new OperationalError("store-unreachable", "the store is away", true);
