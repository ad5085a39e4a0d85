/**
 * What `headroom balloon` shows of a round: each guest's memory as a bar (used, unused, what its balloon holds back up to its
 * maximum), what is asked of it and why, and the host's own memory with its reserve.
 */
import type { BalloonChange, BalloonReport } from "../../../agent/balloon/coordinator.js";
import { FROZEN_REASONS, type GuestPlan, type HostPlan } from "../../../core/balloon/model.js";
import type { Paint, Style } from "../../terminal.js";
import type { View } from "../presenter.js";

const FILLED = "█";
const UNUSED = "▒";
const BALLOON = "·";
const SHORTEST_BAR = 10;
const LONGEST_NAME = 20;

const whole = (value: number): number => Math.round(value);

export const balloonView: View<BalloonReport> = {
  json: ({ at, plan, changes, dryRun, pageMerging }) => ({
    at: new Date(at).toISOString(),
    dryRun,
    host: { ...plan.host, budgetMiB: finite(plan.host.budgetMiB) },
    guests: plan.guests,
    changes,
    pageMerging,
  }),
  lines: (report, paint) => [
    hostLine(report, paint),
    ...report.plan.guests.map((guest) => guestLine(report, guest, paint)),
  ],
  frame(report, paint, { columns, rows }) {
    const { guests } = report.plan;
    const head = [frameHead(report, paint), hostBar(report.plan.host, paint, columns), ""];
    const room = Math.max(1, rows - head.length - 2);
    const shown = guests.length > room ? [...guests].sort(moreUrgent).slice(0, room) : guests;
    const hidden = guests.length - shown.length;
    return [
      ...head,
      ...shown.map((guest) => guestBar(report, guest, shown, paint, columns)),
      ...(hidden > 0 ? [paint("dim", `and ${hidden} more guests that ask for less attention`)] : []),
      paint("dim", `${FILLED} used  ${UNUSED} unused  ${BALLOON} in the balloon`),
    ];
  },
};

const finite = (value: number): number | null => (Number.isFinite(value) ? whole(value) : null);

const changeOf = ({ changes }: BalloonReport, { name }: GuestPlan): BalloonChange | undefined =>
  changes.find((change) => change.name === name);

const urgency = (guest: GuestPlan): number =>
  (guest.distressed ? 4 : 0) + (guest.targetMiB === null ? 0 : 2) + (FROZEN_REASONS.has(guest.reason) ? 1 : 0);
const moreUrgent = (a: GuestPlan, b: GuestPlan): number => urgency(b) - urgency(a) || (a.name < b.name ? -1 : 1);

function hostLine({ plan: { host }, dryRun, pageMerging }: BalloonReport, paint: Paint): string {
  const available =
    host.availableMiB === null
      ? "the host's memory cannot be read"
      : `${whole(host.availableMiB)} of ${whole(host.totalMiB ?? 0)} MiB available, ${whole(host.reserveMiB)} reserved`;
  const budget = finite(host.budgetMiB);
  const notes = [
    ...(budget === null ? [] : [budget < 0 ? `guests have ${-budget} MiB too much` : `${budget} MiB to give`]),
    ...(host.pressure ? [paint("red", "below the reserve")] : []),
    ...(pageMerging === true ? ["equal pages are merged"] : []),
    ...(dryRun ? [paint("yellow", "dry run: nothing is changed")] : []),
  ];
  return `host: ${[available, ...notes].join("; ")}`;
}

/** `web: 512 of 2048 MiB, 398 used -> 612 (grows: it has 14 MiB unused)`. */
function guestLine(report: BalloonReport, guest: GuestPlan, paint: Paint): string {
  const used = guest.usedMiB === null ? "use unknown" : `${whole(guest.usedMiB)} used`;
  const size = `${guest.name}: ${whole(guest.currentMiB)} of ${whole(guest.maximumMiB)} MiB, ${used}`;
  return `${size}${moveText(report, guest, paint)} (${guest.reason}: ${guest.why})`;
}

function moveText(report: BalloonReport, guest: GuestPlan, paint: Paint): string {
  const change = changeOf(report, guest);
  if (change === undefined) return "";
  if (change.problem !== null) return paint("red", ` -> ${change.toMiB} failed: ${change.problem}`);
  return ` -> ${paint(change.toMiB > change.fromMiB ? "green" : "cyan", String(change.toMiB))}`;
}

function frameHead({ at, plan, changes, dryRun }: BalloonReport, paint: Paint): string {
  const frozen = plan.guests.filter(({ reason }) => FROZEN_REASONS.has(reason)).length;
  const parts = [
    `${plan.guests.length} guests`,
    `${changes.length} changed`,
    ...(frozen > 0 ? [`${frozen} left alone`] : []),
  ];
  const when = new Date(at).toISOString().slice(11, 19);
  return `${paint("bold", "headroom balloon")}  ${when}  ${parts.join(", ")}${dryRun ? paint("yellow", "  dry run") : ""}`;
}

function hostBar(host: HostPlan, paint: Paint, columns: number): string {
  const { availableMiB, totalMiB, reserveMiB } = host;
  if (availableMiB === null || totalMiB === null || totalMiB === 0) return "host  its memory cannot be read from here";
  const text = `${whole(availableMiB)} of ${whole(totalMiB)} MiB available, reserve ${whole(reserveMiB)}`;
  const width = Math.max(SHORTEST_BAR, columns - text.length - 8);
  const taken = cells(totalMiB - availableMiB, totalMiB, width);
  const reserved = Math.min(width - taken, cells(reserveMiB, totalMiB, width));
  const bar = FILLED.repeat(taken) + BALLOON.repeat(width - taken - reserved) + UNUSED.repeat(reserved);
  return `host  ${paint(host.pressure ? "red" : "blue", bar)}  ${text}`;
}

const cells = (part: number, all: number, width: number): number =>
  Math.min(width, Math.max(0, Math.round((part / all) * width)));

/** All bars have one scale: the largest maximum among those shown. */
function guestBar(
  report: BalloonReport,
  guest: GuestPlan,
  shown: readonly GuestPlan[],
  paint: Paint,
  columns: number,
): string {
  const nameWidth = Math.min(LONGEST_NAME, Math.max(...shown.map(({ name }) => name.length)));
  const numbers = `${numberText(guest.usedMiB)}/${numberText(guest.currentMiB)}/${numberText(guest.maximumMiB)}`;
  const change = changeOf(report, guest);
  const told =
    change === undefined
      ? guest.reason
      : `${change.toMiB > change.fromMiB ? "+" : ""}${whole(change.toMiB - change.fromMiB)} ${guest.reason}`;
  const width = Math.max(SHORTEST_BAR, columns - nameWidth - 20 - 20 - 4);
  const largest = Math.max(...shown.map(({ maximumMiB }) => maximumMiB));
  const maximum = cells(guest.maximumMiB, largest, width);
  const size = Math.min(maximum, cells(guest.currentMiB, largest, width));
  const used = Math.min(size, cells(guest.usedMiB ?? 0, largest, width));
  const held =
    guest.usedMiB === null
      ? paint("dim", UNUSED.repeat(size))
      : paint(styleOf(guest), FILLED.repeat(used)) + UNUSED.repeat(size - used);
  const bar = held + paint("dim", BALLOON.repeat(maximum - size)) + " ".repeat(width - maximum);
  const name = guest.name.length > nameWidth ? `${guest.name.slice(0, nameWidth - 1)}…` : guest.name.padEnd(nameWidth);
  return `${name} ${bar} ${numbers.padStart(18)}  ${paint(styleOf(guest), told)}`;
}

const numberText = (value: number | null): string => (value === null ? "?" : String(whole(value)));

function styleOf(guest: GuestPlan): Style {
  if (guest.distressed) return "red";
  if (FROZEN_REASONS.has(guest.reason)) return "yellow";
  return guest.reason === "grows" ? "green" : "cyan";
}
