/** What happened lately, newest first, with links to whom it happened to. */
import { timeOfDay } from "../model/format.js";
import { hrefOf } from "../model/route.js";
import type { EventRow } from "../store.js";

const TROUBLE = new Set([
  "vm-refused",
  "vm-lost",
  "vm-conflict",
  "vm-vanished",
  "host-down",
  "host-suspect",
  "action-failed",
  "hypervisor-lost",
]);

interface ListProps {
  readonly events: readonly EventRow[];
  readonly most: number;
  /** Messages are not cut to two lines. */
  readonly whole?: boolean;
}

export function EventList({ events, most, whole = false }: ListProps) {
  if (events.length === 0) return <p class="quiet">Nothing has happened since the server started.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls by itself, and must by keyboard too (WCAG 2.1.1)
    <ol class={whole ? "events whole" : "events"} aria-label="Events, newest first" tabIndex={0}>
      {events.slice(0, most).map((event) => (
        <li key={event.id} class={TROUBLE.has(event.kind) ? "trouble" : ""}>
          <time dateTime={new Date(event.at).toISOString()}>{timeOfDay(event.at)}</time>
          <span class="kind">{event.kind}</span>
          <span class="words" title={event.message}>
            {event.vm === null ? null : <a href={hrefOf({ page: "vm", name: event.vm })}>{event.vm}</a>}
            {event.host === null ? null : (
              <>
                {event.vm === null ? "" : " on "}
                <a href={hrefOf({ page: "host", id: event.host })}>{event.host}</a>
              </>
            )}{" "}
            {event.message}
          </span>
        </li>
      ))}
    </ol>
  );
}
