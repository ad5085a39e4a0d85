/** Settings of the memory coordinator (spec 4.2) and of memory oversubscription; the agent and `headroom balloon` share them. */
import { z } from "zod";
import { jsonOf } from "../../core/json.js";
import { decimal, listOf, nonEmpty, orNull, setting, wholeNumber, yesOrNo } from "./setting.js";

const MOST_MIB = 2 ** 30;
const PAIR = /^[^=\s]+=\d{1,10}(\.\d{1,6})?$/;

const pairs = listOf(nonEmpty.refine((text) => PAIR.test(text) && Number(text.slice(text.lastIndexOf("=") + 1)) > 0));

/** `["web=2"]` as `web` to 2. */
export const numbersOf = (list: readonly string[]): ReadonlyMap<string, number> =>
  new Map(
    list.map((pair) => {
      const at = pair.lastIndexOf("=");
      return [pair.slice(0, at), Number(pair.slice(at + 1))];
    }),
  );

const mibSetting = (key: string, about: string, fallback: number) =>
  setting({
    group: "Memory",
    names: [`HEADROOM_${key}`],
    about,
    allowed: `a whole number of MiB from 0 to ${MOST_MIB}`,
    fallback,
    schema: wholeNumber(0, MOST_MIB),
  });

const percentSetting = (key: string, about: string, fallback: number, most = 100) =>
  setting({
    group: "Memory",
    names: [`HEADROOM_${key}`],
    about,
    allowed: `a number from 0 to ${most}`,
    fallback,
    schema: decimal(0, most),
  });

/** Of the agent alone. */
export const AGENT_MEMORY = {
  balloon: setting({
    group: "Memory",
    names: ["HEADROOM_BALLOON"],
    about: "Move memory between the VMs of the host, as they need it",
    allowed: "yes or no",
    fallback: false,
    schema: yesOrNo,
  }),
  memoryRatio: setting({
    group: "Memory",
    names: ["HEADROOM_MEMORY_RATIO"],
    about: "Memory sold for each MiB that VMs may have; above 1 it is admitted against what they are expected to hold",
    allowed: "a number from 1 to 8",
    fallback: 1,
    schema: decimal(1, 8),
  }),
  memoryMarginPercent: percentSetting(
    "MEMORY_MARGIN_PERCENT",
    "What is added to the most that a VM held within a day, to expect of it",
    25,
    1000,
  ),
  memoryHistoryMinutes: setting({
    group: "Memory",
    names: ["HEADROOM_MEMORY_HISTORY_MINUTES"],
    about: "A VM that was seen for less counts with all that it was sold",
    allowed: "a number of minutes from 0 to 1440",
    fallback: 60,
    schema: decimal(0, 1440),
  }),
};

/** What `headroom balloon` takes as options too. */
export const BALLOON = {
  balloonFloorMiB: mibSetting("BALLOON_FLOOR_MIB", "Memory that a guest keeps unused, in MiB", 100),
  balloonFloorPercent: percentSetting(
    "BALLOON_FLOOR_PERCENT",
    "The same as a percentage of what it uses; the larger counts",
    5,
  ),
  balloonHostReserveMiB: mibSetting("BALLOON_HOST_RESERVE_MIB", "Memory that the host keeps available, in MiB", 200),
  balloonLimitMiB: setting({
    group: "Memory",
    names: ["HEADROOM_BALLOON_LIMIT_MIB"],
    about: "Most memory that all guests may have together, in MiB (empty: what the host has)",
    allowed: `a whole number of MiB from 1 to ${MOST_MIB}`,
    fallback: null as number | null,
    schema: orNull(wholeNumber(1, MOST_MIB)),
  }),
  balloonMinimumMiB: mibSetting("BALLOON_MINIMUM_MIB", "No guest is made smaller than this, in MiB", 200),
  balloonMinimums: setting({
    group: "Memory",
    names: ["HEADROOM_BALLOON_MINIMUMS"],
    about: "Larger minimums of single VMs, in MiB",
    allowed: "a comma list of VM=MiB pairs, such as db=4096,web=512",
    fallback: [] as readonly string[],
    schema: pairs,
  }),
  balloonShares: setting({
    group: "Memory",
    names: ["HEADROOM_BALLOON_SHARES"],
    about: "Weights of single VMs when memory is short; the others have 1",
    allowed: "a comma list of VM=number pairs, such as db=4,batch=0.5",
    fallback: [] as readonly string[],
    schema: pairs,
  }),
  balloonIdleTaxPercent: percentSetting(
    "BALLOON_IDLE_TAX_PERCENT",
    "How much less an idle page counts than a used one when memory is short",
    75,
    99,
  ),
  balloonStepMiB: setting({
    group: "Memory",
    names: ["HEADROOM_BALLOON_STEP_MIB"],
    about: "Most that one step changes a guest by, in MiB",
    allowed: `a whole number of MiB from 1 to ${MOST_MIB}`,
    fallback: 100,
    schema: wholeNumber(1, MOST_MIB),
  }),
  balloonStepPercent: percentSetting(
    "BALLOON_STEP_PERCENT",
    "The same as a percentage of the guest's maximum; the larger counts",
    4,
  ),
  balloonDeadBandMiB: mibSetting("BALLOON_DEAD_BAND_MIB", "Smaller changes are not made, in MiB", 10),
  balloonDeadBandPercent: percentSetting(
    "BALLOON_DEAD_BAND_PERCENT",
    "The same as a percentage of what the guest has; the larger counts",
    1,
  ),
  pageMerging: setting({
    group: "Memory",
    names: ["HEADROOM_PAGE_MERGING"],
    about: "Switch the kernel's merging of equal pages (KSM) on while the host is short of memory, and off again",
    allowed: "yes or no",
    fallback: false,
    schema: yesOrNo,
  }),
  pageMergingBelowPercent: percentSetting(
    "PAGE_MERGING_BELOW_PERCENT",
    "Percentage of the host's memory below which it is short",
    20,
  ),
};

const NODE = /^([^=\s]+?)[=:]((?:qemu|test|fake)[a-z+]*:\/\/\S*)$/;

/** The earlier system writes a JSON object, or pairs with a colon between two addresses. */
const nodePairs = (value: unknown): unknown => {
  if (typeof value === "string" && value.trim().startsWith("{")) {
    const pairs = jsonOf(value);
    return pairs === undefined ? value : nodePairs(pairs);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.entries(value).map(([host, uri]) => `${host}=${uri}`);
};

/** `["http://kvm7:9100=qemu+ssh://kvm7/system"]` as the one to the other. */
export const nodesOf = (list: readonly string[]): ReadonlyMap<string, string> =>
  new Map(list.map((text) => NODE.exec(text)).map((match) => [match?.[1] ?? "", match?.[2] ?? ""]));

/** Ballooning from the sample store, across hosts (spec 4.2, the earlier system's vmballooning), under its names. */
export const STORE_BALLOON = {
  balloonNodes: setting({
    group: "Ballooning",
    names: ["HEADROOM_BALLOON_NODES", "LIBVIRT_NODES"],
    about: "Hosts of headroom balloon --from-store: as the store knows them, and their hypervisors",
    allowed:
      "a comma list of HOST=URI pairs, such as http://kvm7:9100=qemu+ssh://kvm7/system, or a JSON object of them",
    fallback: [] as readonly string[],
    schema: z.preprocess(nodePairs, listOf(nonEmpty.refine((text) => NODE.test(text)))),
  }),
  balloonScopeMinutes: setting({
    group: "Ballooning",
    names: ["HEADROOM_BALLOON_SCOPE_MINUTES", "BALLOONING_SCOPE_MN"],
    about: "Minutes of history that a VM's use is taken from",
    allowed: "a number of minutes from 1 to 525600",
    fallback: 60,
    schema: decimal(1, 525_600),
  }),
  balloonGainMiB: setting({
    group: "Ballooning",
    names: ["HEADROOM_BALLOON_GAIN_MIB", "BALLOONING_THRESHOLD_GAIN_MB"],
    about: "A VM is squeezed when its process holds so many MiB more than it uses",
    allowed: `a whole number of MiB from 1 to ${MOST_MIB}`,
    fallback: 2048,
    schema: wholeNumber(1, MOST_MIB),
  }),
  balloonSqueezedMiB: setting({
    group: "Ballooning",
    names: ["HEADROOM_BALLOON_SQUEEZED_MIB", "BALLOONING_MIN_CONFIG_MB"],
    about: "No VM is squeezed below this, in MiB",
    allowed: `a whole number of MiB from 1 to ${MOST_MIB}`,
    fallback: 512,
    schema: wholeNumber(1, MOST_MIB),
  }),
  balloonGraceSeconds: setting({
    group: "Ballooning",
    names: ["HEADROOM_BALLOON_GRACE_SECONDS", "BALLOONING_GRACE_PERIOD_S"],
    about: "A VM that was squeezed is left alone for so many seconds",
    allowed: "a number of seconds from 0 to 31536000",
    fallback: 600,
    schema: decimal(0, 31_536_000),
  }),
  balloonRoundSeconds: setting({
    group: "Ballooning",
    names: ["HEADROOM_BALLOON_ROUND_SECONDS", "BALLOONING_SCOPE_SLEEP_S"],
    about: "Seconds between two looks at the store",
    allowed: "a number of seconds from 0.1 to 86400",
    fallback: 60,
    schema: decimal(0.1, 86_400),
  }),
};
