/** CPU sets in kernel notation (`0-3,8`), as the interface writes them. Pure. */
export function readCpuSet(text: string): readonly number[] {
  const ids: number[] = [];
  for (const part of text.split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part.trim());
    if (match === null) continue;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    for (let id = first; id <= last; id++) ids.push(id);
  }
  return ids;
}
