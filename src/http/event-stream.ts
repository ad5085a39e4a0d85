/**
 * Server-sent events (WHATWG HTML, 9.2): what a service reports, from the last event that the reader has seen. An id is
 * `boot-number`: the service counts from 1 in each process, and a reader that comes back after a restart gets what the new
 * process knows. A reader that does not keep up is cut off instead of buffered for; it resumes by Last-Event-ID.
 */
import type { ServerResponse } from "node:http";
import { milliseconds } from "../core/units.js";
import type { Clock } from "../ports/clock.js";
import { Gate } from "./gate.js";
import type { HttpLimits } from "./options.js";
import { RequestError } from "./problem.js";

const ALLOWED_ID = "the id of an event of this stream, such as m1x2y3-17, or 0 for all that is remembered";

interface NumberedEvent {
  readonly id: number;
  readonly kind: string;
}

/** The part of an agent, or of a scheduler, that reports. */
export interface EventSource {
  /** Events after `id` still remembered, oldest first. */
  eventsAfter(id: number): readonly NumberedEvent[];
  subscribe(listener: (event: NumberedEvent) => void): () => void;
}

export class EventStreams {
  private readonly boot: string;
  private readonly gate: Gate;
  private readonly open = new Set<() => void>();

  constructor(
    private readonly source: EventSource,
    private readonly clock: Clock,
    private readonly limits: Pick<HttpLimits, "eventStreams" | "eventBufferBytes" | "eventHeartbeatMs">,
  ) {
    this.boot = Math.round(clock.now()).toString(36);
    this.gate = new Gate(limits.eventStreams, "event streams");
  }

  get readers(): number {
    return this.gate.inside;
  }

  /**
   * The number after which to send. Without an id: from now on. Throws `RequestError` naming the header; an id of an
   * earlier process means everything.
   */
  startAfter(lastEventId: string | string[] | undefined): number {
    if (lastEventId === undefined || lastEventId === "") return this.source.eventsAfter(0).at(-1)?.id ?? 0;
    const match = typeof lastEventId === "string" ? /^(?:([0-9a-z]{1,16})-)?(\d{1,15})$/.exec(lastEventId) : null;
    if (match === null || (match[1] === undefined && match[2] !== "0"))
      throw new RequestError("invalid-parameters", `last-event-id: is not allowed; allowed: ${ALLOWED_ID}`, [
        {
          in: "header",
          field: "last-event-id",
          fault: "not-allowed",
          message: `is not allowed; allowed: ${ALLOWED_ID}`,
          allowed: ALLOWED_ID,
        },
      ]);
    return match[1] === this.boot ? Number(match[2]) : 0;
  }

  /** Throws `overloaded` when there are too many readers; otherwise the response is the stream's until it ends. */
  start(response: ServerResponse, after: number): void {
    const leave = this.gate.enter();
    response.writeHead(200, {
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    const ended = new AbortController();
    const write = (text: string): void => {
      if (ended.signal.aborted) return;
      response.write(text);
      if (response.writableLength > this.limits.eventBufferBytes) response.destroy();
    };
    const unsubscribe = this.source.subscribe((event) => write(this.format(event)));
    const finish = (): void => void response.end();
    this.open.add(finish);
    response.once("close", () => {
      ended.abort();
      unsubscribe();
      this.open.delete(finish);
      leave();
    });
    write(": headroom events\nretry: 2000\n\n");
    for (const event of this.source.eventsAfter(after)) write(this.format(event));
    void this.beat(write, ended.signal);
  }

  /** Ends every stream, so that the server can close. */
  endAll(): void {
    for (const finish of this.open) finish();
  }

  private async beat(write: (text: string) => void, ended: AbortSignal): Promise<void> {
    while (!ended.aborted) {
      await this.clock.sleep(milliseconds(this.limits.eventHeartbeatMs), ended);
      write(": still here\n\n");
    }
  }

  private format(event: NumberedEvent): string {
    return `id: ${this.boot}-${event.id}\nevent: ${event.kind}\ndata: ${JSON.stringify(event)}\n\n`;
  }
}
