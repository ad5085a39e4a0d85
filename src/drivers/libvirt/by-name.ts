/** One question about each of many domains, all asked at once; those without an answer are left out. */
export async function byName<T>(
  names: readonly string[],
  ask: (name: string) => Promise<T | null>,
): Promise<ReadonlyMap<string, T>> {
  const answers = await Promise.all(names.map(ask));
  const told = new Map<string, T>();
  names.forEach((name, index) => {
    const answer = answers[index];
    if (answer !== null && answer !== undefined) told.set(name, answer);
  });
  return told;
}
