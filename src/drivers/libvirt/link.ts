/**
 * Keeps a session with libvirt: opens it, notices its loss, and opens it again with growing pauses until it is back or nobody
 * wants it any more. Calls made meanwhile fail at once. Events that fall into the gap are lost: "reconnected" says so.
 */
import { type Milliseconds, milliseconds } from "../../core/units.js";
import type { Clock } from "../../ports/clock.js";
import { OperationalError } from "../../ports/errors.js";
import type { Log } from "../../ports/log.js";
import { Connection } from "./connection.js";
import type { Frame } from "./frame.js";
import { PROCEDURE } from "./procedures.js";
import { oneLine } from "./server-error.js";
import { type LifecycleMessage, openSession, readLifecycle, readReboot, type Session } from "./session.js";
import { type OpenStream, openWithin } from "./transport.js";
import { unreachable } from "./unreachable.js";
import type { LibvirtUri } from "./uri.js";
import type { DomainRef } from "./wire-types.js";

export interface LinkTimes {
  /** Of a connection attempt, and of a call that names none. */
  readonly deadline: Milliseconds;
  readonly keepAlive: { readonly interval: Milliseconds; readonly count: number };
  /** Pause before the first attempt to reconnect, and the longest one. */
  readonly firstPause: Milliseconds;
  readonly longestPause: Milliseconds;
}

export interface LinkOptions {
  readonly uri: LibvirtUri;
  readonly open: OpenStream;
  readonly clock: Clock;
  readonly log: Log;
  readonly times: LinkTimes;
  /** 0 <= random() < 1. */
  readonly random: () => number;
  readonly onLifecycle: (message: LifecycleMessage) => void;
  readonly onReboot: (domain: DomainRef) => void;
  readonly onLost: (reason: string) => void;
  readonly onBack: () => void;
}

/** Twice as long each time up to the longest; half of it is fixed, half by chance, so that agents do not come back in step. */
export function pauseBefore(attempt: number, times: LinkTimes, random: () => number): Milliseconds {
  const full = Math.min(times.longestPause, times.firstPause * 2 ** Math.min(attempt, 30));
  return milliseconds(full / 2 + (random() * full) / 2);
}

interface Open {
  readonly connection: Connection;
  readonly session: Session;
}

export class Link {
  readonly #options: LinkOptions;
  #open: Open | null = null;
  #connecting: Promise<void> | null = null;
  /** Aborted by close(). Null: nobody wants a connection. */
  #wanted: AbortController | null = null;
  #lossReason = "it was never connected";

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  isOpen(): boolean {
    return this.#open !== null;
  }

  /** Idempotent. Throws `hypervisor-unreachable` with what to do; a failed first attempt is not repeated. */
  connect(): Promise<void> {
    if (this.#open) return Promise.resolve();
    this.#connecting ??= this.#connectOnce().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  /** Throws `hypervisor-unreachable` while there is none. */
  session(): Session {
    if (this.#open) return this.#open.session;
    const message = `libvirt at ${this.#options.uri.text} is not connected: ${this.#lossReason}`;
    throw new OperationalError("hypervisor-unreachable", message, true);
  }

  async close(): Promise<void> {
    this.#wanted?.abort();
    this.#wanted = null;
    const open = this.#open;
    this.#open = null;
    this.#lossReason = "it was closed";
    if (!open) return;
    // A farewell keeps the daemon's log clean; a daemon that does not answer it is left without.
    await open.session.closeRemote(milliseconds(1000)).catch((error: Error) => {
      this.#options.log.debug({ reason: error.message }, "libvirt did not answer the farewell");
    });
    open.connection.close();
  }

  async #connectOnce(): Promise<void> {
    const wanted = this.#wanted ?? new AbortController();
    const isFirst = this.#wanted === null;
    this.#wanted = wanted;
    try {
      await this.#establish(wanted);
    } catch (error) {
      // While the loop below goes on trying, a failed attempt in between changes nothing.
      if (isFirst && this.#wanted === wanted) this.#wanted = null;
      throw error;
    }
  }

  async #establish(wanted: AbortController): Promise<void> {
    const { uri, clock, times } = this.#options;
    let connection: Connection | null = null;
    try {
      const stream = await openWithin(this.#options.open, uri, {
        clock,
        deadline: times.deadline,
        signal: wanted.signal,
      });
      const made: Connection = new Connection(stream, {
        clock,
        deadline: times.deadline,
        keepAlive: times.keepAlive,
        onMessage: (frame) => this.#receive(frame),
        onEnd: (reason) => this.#lost(made, reason),
      });
      connection = made;
      const session = await openSession(made, uri.remoteUri);
      if (wanted.signal.aborted) throw new Error("it was closed meanwhile");
      if (made.isEnded()) throw new Error("the daemon hung up");
      this.#open = { connection: made, session };
    } catch (error) {
      connection?.close();
      throw unreachable(uri, error);
    }
  }

  #receive(frame: Frame): void {
    const { onLifecycle, onReboot } = this.#options;
    if (frame.procedure === PROCEDURE.domainEventCallbackLifecycle) onLifecycle(readLifecycle(frame.body));
    else if (frame.procedure === PROCEDURE.domainEventCallbackReboot) onReboot(readReboot(frame.body));
  }

  #lost(connection: Connection, reason: Error | null): void {
    if (this.#open?.connection !== connection) return;
    this.#open = null;
    this.#lossReason = oneLine(reason?.message ?? "the connection was closed");
    const { log, uri } = this.#options;
    log.warn({ uri: uri.text, reason: this.#lossReason }, "lost libvirt; guests run on");
    this.#options.onLost(this.#lossReason);
    if (this.#wanted) void this.#reconnect(this.#wanted);
  }

  async #reconnect(wanted: AbortController): Promise<void> {
    const { clock, log, times, random, uri } = this.#options;
    for (let attempt = 0; !wanted.signal.aborted && !this.#open; attempt++) {
      await clock.sleep(pauseBefore(attempt, times, random), wanted.signal);
      if (wanted.signal.aborted) return;
      try {
        await this.connect();
      } catch (error) {
        this.#lossReason = error instanceof Error ? error.message : String(error);
        log.debug({ uri: uri.text, attempt, reason: this.#lossReason }, "libvirt is not back yet");
      }
    }
    if (wanted.signal.aborted) return;
    log.info({ uri: uri.text }, "libvirt is back");
    this.#options.onBack();
  }
}
