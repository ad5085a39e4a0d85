/** `headroom balloon` as a process of its own over a lab host, with the course's limits at a quarter, and what it reported. */
import { ControllerProcess } from "./controller-process.js";
import type { LabHost } from "./lab-host.js";

/** The lines of --json, as far as the tests read them. */
export interface Round {
  readonly at: string;
  readonly host: { readonly availableMiB: number; readonly reserveMiB: number; readonly budgetMiB: number | null };
  readonly guests: readonly {
    readonly name: string;
    readonly currentMiB: number;
    readonly usedMiB: number | null;
    readonly unusedMiB: number | null;
    readonly targetMiB: number | null;
    readonly reason: string;
  }[];
  readonly changes: readonly { readonly name: string; readonly toMiB: number; readonly problem: string | null }[];
}

export const QUARTER = { floorMiB: 25, minimumMiB: 50, stepMiB: 25, deadBandMiB: 3 } as const;

export class BalloonProcess extends ControllerProcess<Round> {
  constructor(host: LabHost, intervalSeconds: number, ...more: readonly string[]) {
    const flags = {
      "--balloon-floor-mib": String(QUARTER.floorMiB),
      "--balloon-minimum-mib": String(QUARTER.minimumMiB),
      "--balloon-step-mib": String(QUARTER.stepMiB),
      "--balloon-dead-band-mib": String(QUARTER.deadBandMiB),
    };
    super(host, "balloon", intervalSeconds, ...Object.entries(flags).flat(), ...more);
  }

  latest(name: string): Round["guests"][number] | undefined {
    return this.rounds.at(-1)?.guests.find((guest) => guest.name === name);
  }

  /** Sizes of a guest in the rounds from `since` on. */
  sizes(name: string, since = 0): readonly number[] {
    return this.rounds
      .slice(since)
      .flatMap(({ guests }) => guests.filter((guest) => guest.name === name).map((guest) => guest.currentMiB));
  }
}
