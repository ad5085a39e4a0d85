/**
 * Differences that are remembered by the thousand, and written down at the end of each window, are kept to a few digits: more
 * than their spread is ever known to.
 */
const DIGITS = 7;

export const brief = (difference: number): number => Number(difference.toPrecision(DIGITS));
