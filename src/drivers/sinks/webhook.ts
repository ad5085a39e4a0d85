/**
 * An outgoing webhook: `POST` of the newest estimates as JSON. With a secret the body is signed: `Headroom-Signature: t=SECONDS,v1=HEX`,
 * where HEX is HMAC-SHA256 over `SECONDS.BODY`, so that a receiver can tell ours from others' and a new one from one that is
 * played back. Any 2xx is thanks. Deliveries may come twice: `host` and `at` tell.
 */
import { createHmac } from "node:crypto";
import { Agent } from "undici";
import type { Clock } from "../../ports/clock.js";
import type { EstimateSink } from "../../ports/estimates.js";
import { callSink, refused, type SinkServer } from "./http-call.js";

export interface WebhookSettings {
  readonly url: string;
  /** Null: not signed. */
  readonly secret: string | null;
  readonly clock: Clock;
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 10_000;
const MS_PER_SECOND = 1000;

export function signatureOf(secret: string, seconds: number, body: string): string {
  return `t=${seconds},v1=${createHmac("sha256", secret).update(`${seconds}.${body}`).digest("hex")}`;
}

export function webhookSink({ url, secret, clock, deadlineMs = DEADLINE_MS }: WebhookSettings): EstimateSink {
  const dispatcher = new Agent({ connect: { timeout: deadlineMs } });
  const server: SinkServer = { name: "the webhook", deadlineMs, dispatcher };
  return {
    name: "webhook",
    async deliver(estimates, signal) {
      const now = clock.now();
      const body = JSON.stringify({ kind: "estimates", sentAt: now, estimates });
      const signature =
        secret === null ? {} : { "headroom-signature": signatureOf(secret, Math.floor(now / MS_PER_SECOND), body) };
      const answer = await callSink(server, { method: "POST", url, headers: signature, body, signal });
      if (answer.status >= 300) throw refused(server, "estimates", answer);
    },
    close: () => dispatcher.close(),
  };
}
