/**
 * The course's cases as scenes for real guests: which guests there are, what they do when, and what should come of it. CPU
 * loads are in per cent of wall time; memory is a quarter of the course's sizes, so that the cases fit on any machine.
 */

export interface SceneGuest {
  readonly name: string;
  /** pCPU that it starts on; null: pinned nowhere. */
  readonly pcpu: number | null;
  readonly memoryMiB: number;
  readonly maximumMiB: number;
}

/** Something that happens `atSeconds` after all guests have booted. */
export type Happening = { readonly atSeconds: number; readonly guest: string } & (
  | { readonly kind: "command"; readonly command: string }
  | { readonly kind: "start" | "stop" }
);

export interface Scene {
  readonly title: string;
  readonly expected: string;
  readonly guests: readonly SceneGuest[];
  /** By time. The first of a guest that is only started later is its start. */
  readonly happenings: readonly Happening[];
}

export const CPU_CASES = 5;
export const MEMORY_CASES = 3;

/** Two guests of one vCPU for each pCPU. */
const PER_PCPU = 2;
const GUEST_MIB = 112;
const [HEAVY, LIGHT, EQUAL] = [40, 20, 25];
/** Between two changes of the fifth case: long enough to watch it settle at any interval. */
const PAUSE_SECONDS = 60;

const at = (atSeconds: number, guest: string, command: string): Happening => ({
  kind: "command",
  atSeconds,
  guest,
  command,
});

/** `number`: 1 to CPU_CASES. */
export function cpuScene(number: number, pcpus: number): Scene {
  const names = Array.from({ length: PER_PCPU * pcpus }, (_, i) => `c${i + 1}`);
  const guest = (name: string, pcpu: number | null): SceneGuest => ({
    name,
    pcpu,
    memoryMiB: GUEST_MIB,
    maximumMiB: GUEST_MIB,
  });
  const burn = (load: (i: number) => number): Happening[] => names.map((name, i) => at(0, name, `burn ${load(i)}`));
  switch (number) {
    case 1:
      return {
        title: `the same load, ${PER_PCPU} guests on each pCPU`,
        expected: "no pin change, ever",
        guests: names.map((name, i) => guest(name, i % pcpus)),
        happenings: burn(() => EQUAL),
      };
    case 2:
      return {
        title: "the same load, all guests on pCPU 0",
        expected: `${PER_PCPU} on each pCPU, then no change`,
        guests: names.map((name) => guest(name, 0)),
        happenings: burn(() => EQUAL),
      };
    case 3:
      return {
        title: "heavy and light guests, pinned nowhere",
        expected: "one heavy and one light on each pCPU, then no change",
        guests: names.map((name) => guest(name, null)),
        happenings: burn((i) => (i % 2 === 0 ? HEAVY : LIGHT)),
      };
    case 4:
      return {
        title: `${names.length - 1} equal loads on ${pcpus} pCPUs, which cannot be split evenly`,
        expected: "the best split, then no change: no ping-pong",
        guests: names.map((name) => guest(name, 0)),
        happenings: burn((i) => (i === 0 ? 0 : EQUAL)),
      };
    default:
      return changingScene(names, guest, burn);
  }
}

function changingScene(
  names: readonly string[],
  guest: (name: string, pcpu: number | null) => SceneGuest,
  burn: (load: (i: number) => number) => Happening[],
): Scene {
  return {
    title: "loads that change: a heavy guest becomes light, one more comes, one goes",
    expected: `balanced again within 2 intervals after each change, every ${PAUSE_SECONDS} s`,
    guests: [...names.map((name) => guest(name, null)), guest("extra", null)],
    happenings: [
      ...burn((i) => (i % 2 === 0 ? HEAVY : LIGHT)),
      at(PAUSE_SECONDS, names[0]!, `burn ${LIGHT}`),
      { kind: "start", atSeconds: 2 * PAUSE_SECONDS, guest: "extra" },
      at(2 * PAUSE_SECONDS, "extra", `burn ${HEAVY}`),
      { kind: "stop", atSeconds: 3 * PAUSE_SECONDS, guest: names[1]! },
    ],
  };
}

const [START_MIB, MAXIMUM_MIB] = [128, 512];
/** MiB a second: about 100 MiB in 12 seconds, as the course's guests consume. */
const GROWTH = 8;

/** `number`: 1 to MEMORY_CASES. */
export function memoryScene(number: number): Scene {
  const names = ["m1", "m2", "m3", "m4"];
  const guests = names.map((name) => ({ name, pcpu: null, memoryMiB: START_MIB, maximumMiB: MAXIMUM_MIB }));
  const grow = (name: string, limitMiB: number): Happening => at(0, name, `grow ${GROWTH} ${limitMiB}`);
  switch (number) {
    case 1:
      return {
        title: "one guest consumes memory up to its maximum, then frees it",
        expected: `m1 grows to ${MAXIMUM_MIB} MiB and shrinks step by step when it has freed; idle ones settle at their need and the floor`,
        guests,
        happenings: [grow("m1", 0)],
      };
    case 2:
      return {
        title: "all guests consume memory",
        expected: "all grow until the host's reserve is reached, then no more; memory comes back when they have freed",
        guests,
        happenings: names.map((name) => grow(name, 0)),
      };
    default:
      return {
        title: "two guests consume memory, one stops early",
        expected: "what m1 gives back goes to m2",
        guests,
        happenings: [grow("m1", START_MIB), grow("m2", 0)],
      };
  }
}
