/** A bar of parts of a whole, such as pools of a host; its words say what a screen reader cannot see. */
export interface Part {
  readonly size: number;
  readonly colour: string;
  readonly label: string;
}

interface BarProps {
  readonly parts: readonly Part[];
  readonly whole: number;
  /** A mark on the bar: what is used of it. */
  readonly mark?: number | null;
  readonly label: string;
}

export function Bar({ parts, whole, mark = null, label }: BarProps) {
  const share = (size: number): string => `${whole > 0 ? Math.min(100, (100 * size) / whole) : 0}%`;
  return (
    <div class="bar" role="img" aria-label={label} title={label}>
      {parts.map((part) => (
        <span key={part.label} style={{ width: share(part.size), background: part.colour }} />
      ))}
      {mark === null ? null : <i style={{ left: share(mark) }} />}
    </div>
  );
}
