/** Counts for people: `1 vCPU`, `2 vCPUs`. Nouns whose plural is another word are left out. */
export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
