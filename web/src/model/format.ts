/** Numbers and times as people read them. Pure. */

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const fine = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const count = (value: number): string => plain.format(value);
export const decimal = (value: number): string => fine.format(value);

/** `2:1`, as ratios are sold. */
export const ratioText = (ratio: number | null): string => (ratio === null ? "per vCPU" : `${ratio}:1`);

export const memory = (mib: number): string =>
  mib >= 1024 ? `${fine.format(mib / 1024)} GiB` : `${plain.format(mib)} MiB`;

export const percent = (part: number, whole: number): string =>
  whole > 0 ? `${plain.format((100 * part) / whole)} %` : "0 %";

/** 1 host, 2 hosts. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
export const timeOfDay = (ms: number): string => clock.format(ms);
