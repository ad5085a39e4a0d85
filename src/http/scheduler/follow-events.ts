/**
 * Follows a scheduler's `GET /v1/events` (server-sent events): every event as it happens, from the first that is remembered.
 * Ends when the stream does or `signal` aborts; reconnecting is the caller's. Leaves out the format's `retry` and comments.
 */
import { type Dispatcher, request } from "undici";
import { milliseconds } from "../../core/units.js";
import { OperationalError } from "../../ports/errors.js";
import type { ClusterEvent } from "../../scheduler/service.js";
import { clusterEvent } from "./schemas/answers.js";

export async function* followEvents(
  { baseUrl, dispatcher }: { readonly baseUrl: string; readonly dispatcher?: Dispatcher },
  signal: AbortSignal,
): AsyncGenerator<ClusterEvent> {
  try {
    const response = await request(`${baseUrl}/v1/events`, {
      headers: { accept: "text/event-stream", "last-event-id": "0" },
      signal,
      bodyTimeout: 0,
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    if (response.statusCode !== 200)
      throw new OperationalError("agent-unreachable", `events of ${baseUrl}: status ${response.statusCode}`, true);
    response.body.setEncoding("utf8");
    let rest = "";
    for await (const piece of response.body) {
      const blocks = `${rest}${piece}`.split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) yield* eventOf(block);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function* eventOf(block: string): Generator<ClusterEvent> {
  const data = block
    .split("\n")
    .filter((line) => line.startsWith("data: "))
    .map((line) => line.slice("data: ".length))
    .join("\n");
  if (data === "") return;
  const event = clusterEvent.parse(JSON.parse(data));
  yield { ...event, at: milliseconds(event.at) };
}
