/** What one VM did in one window, as traces and stores tell it. */

/** When samples were taken; null: not told. */
export interface Times {
  readonly first: number | null;
  readonly last: number | null;
  readonly count: number;
}

/** Lists are in order of time, finite, and the teller's own: whoever keeps one copies it. Empty: not told. */
export interface VmWindow {
  /** Null: not told. */
  readonly vcpus: number | null;
  /** MB. */
  readonly memory: number | null;
  /** Cores. */
  readonly cpuUsage: Float64Array;
  /** MB, as the guest uses them. */
  readonly memoryUsage: Float64Array;
  /** MB, as the host gives them; null: not told. */
  readonly memoryRss: Float64Array | null;
  /** Waiting over running. */
  readonly schedBusy: Float64Array;
  readonly pageFaults: Float64Array;
  readonly times: Times;
  /** A copy that stays, of lists that are read only when they are asked for; it may take the memory of an earlier one. */
  kept?(spare: VmWindow | null): VmWindow;
}

/** What a VM comes to in a window, for one resource; the frame sums them (VmTotals). */
export interface VmPart {
  readonly booked: number;
  readonly peak: number;
  /** The peak is one that numpy calculated. */
  readonly isNumpy: boolean;
  readonly fresh: number;
  readonly unseen: number;
}

export const NO_PART: VmPart = { booked: 0, peak: 0, isNumpy: false, fresh: 0, unseen: 0 };

/** Follows one VM through the windows; both resources, since one rule says whether it is there. */
export interface VmTrack {
  /** `window`: null where the VM is not on the host. Called for every window in order. */
  update(
    slice: number,
    window: VmWindow | null,
  ): { readonly cpu: VmPart; readonly memory: VmPart; readonly isThere: boolean };
}

export interface VmTrackSettings {
  /** Windows looked back on, without the present one. */
  readonly history: number;
  /** Whether VMs of little history count with their full size. */
  readonly caution: boolean;
  /** Whether peaks are asked for: they cost sorting. */
  readonly peaks: boolean;
  readonly cpuPeakPercentile: number;
  readonly memoryPeakPercentile: number;
}
