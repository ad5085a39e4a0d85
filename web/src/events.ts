/**
 * Server-sent events over fetch: `EventSource` cannot send a token. Resumes from the last id, with a growing pause while the
 * server is away. Leaves out what an event means.
 */
import { headers } from "./api.js";
import { type EventFrame, frameReader } from "./model/event-frames.js";

const LONGEST_PAUSE_MS = 15_000;
const FIRST_PAUSE_MS = 1_000;

async function readStream(response: Response, onFrame: (frame: EventFrame) => void): Promise<void> {
  const read = frameReader(onFrame);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) read(part.value);
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Follows until `signal` aborts. `onOpen` after every connection: what was missed in between must be looked up. */
export async function followEvents(
  onFrame: (frame: EventFrame) => void,
  onOpen: () => void,
  signal: AbortSignal,
): Promise<void> {
  let lastId = "0";
  let wait = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const response = await fetch("v1/events", {
        headers: headers({ "last-event-id": lastId }),
        signal,
        cache: "no-store",
      });
      if (response.ok) {
        wait = FIRST_PAUSE_MS;
        onOpen();
        await readStream(response, (frame) => {
          lastId = frame.id;
          onFrame(frame);
        });
      }
    } catch (error) {
      // Cut off, or leaving the page: the loop decides which.
      if (signal.aborted) return;
      console.info("the event stream is cut off", error);
    }
    await pause(wait);
    wait = Math.min(2 * wait, LONGEST_PAUSE_MS);
  }
}
