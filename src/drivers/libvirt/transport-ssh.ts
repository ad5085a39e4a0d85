/**
 * A stream through ssh: on the far side libvirt's own `virt-ssh-helper` joins us to the right daemon, or `nc -U` where that is
 * not installed. ssh must log in without asking (key or agent): an agent process has nobody to ask.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { Duplex } from "node:stream";
import type { Way } from "./uri.js";

export type SshWay = Extract<Way, { kind: "ssh" }>;

const SHOWN_STDERR = 400;

/** One word of a POSIX shell, whatever it holds. */
export const shellQuote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** What runs on the far side. */
export function remoteCommand(way: SshWay, remoteUri: string): string {
  const helper = `exec virt-ssh-helper ${shellQuote(remoteUri)}`;
  const netcat = `exec ${shellQuote(way.netcat)} -U ${shellQuote(way.socket)}`;
  if (way.proxy === "native") return helper;
  if (way.proxy === "netcat") return netcat;
  return `if command -v virt-ssh-helper >/dev/null 2>&1; then ${helper}; else ${netcat}; fi`;
}

export function sshArguments(way: SshWay, remoteUri: string): readonly string[] {
  return [
    "-T",
    ...["-e", "none", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"],
    ...(way.verifyHostKey ? [] : ["-o", "StrictHostKeyChecking=no"]),
    ...(way.port === null ? [] : ["-p", String(way.port)]),
    ...(way.user === null ? [] : ["-l", way.user]),
    ...(way.keyFile === null ? [] : ["-i", way.keyFile]),
    ...["--", way.host, `sh -c ${shellQuote(remoteCommand(way, remoteUri))}`],
  ];
}

/** Destroying the stream ends the child; the child's end ends the stream, with what it wrote on standard error. */
export function openSsh(way: SshWay, remoteUri: string): Duplex {
  const child = spawn(way.program, sshArguments(way, remoteUri), { stdio: "pipe" });
  return new ChildStream(child, way);
}

class ChildStream extends Duplex {
  readonly #child: ChildProcessWithoutNullStreams;
  #stderr = "";

  constructor(child: ChildProcessWithoutNullStreams, way: SshWay) {
    super();
    this.#child = child;
    child.stdout.on("data", (chunk: Buffer) => {
      if (!this.push(chunk)) child.stdout.pause();
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-SHOWN_STDERR);
    });
    let unwritten = "without a word";
    // A write to a child that has gone; what the child said counts more.
    child.stdin.on("error", (error) => {
      unwritten = error.message;
    });
    child.on("error", (error) => this.destroy(error));
    child.on("close", (code, signal) => {
      const end = signal === null ? `code ${code}` : `signal ${signal}`;
      const said = this.#stderr.trim() || unwritten;
      this.destroy(new Error(`${way.program} to ${way.host} ended (${end}): ${said}`));
    });
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#child.stdin.write(chunk, () => done());
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#child.kill("SIGTERM");
    done(error);
  }
}
