/**
 * A colour for each allocation ratio, the same on every page. The palette is Okabe and Ito's, which the colour-blind can tell
 * apart; the ratios sold most have theirs, others take what is left, in order. Names of CSS variables: light and dark differ.
 */
const COMMON: readonly (readonly [ratio: number, colour: string])[] = [
  [1, "--blue"],
  [2, "--orange"],
  [3, "--green"],
  [1.5, "--sky"],
  [2.6, "--vermilion"],
  [4, "--purple"],
];
const OTHERS = ["--yellow", "--purple", "--sky", "--vermilion"];

export function ratioColour(ratio: number | null): string {
  if (ratio === null) return "var(--grey)";
  const common = COMMON.find(([known]) => known === ratio)?.[1];
  return `var(${common ?? OTHERS[Math.floor(ratio * 10) % OTHERS.length]})`;
}
