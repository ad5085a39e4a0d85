/** A log that says nothing, and one that remembers: for parts under test that want one. */
import type { Log } from "../../src/ports/log.js";

const nothing = (): void => undefined;

export const quietLog = (): Log => ({ debug: nothing, info: nothing, warn: nothing, error: nothing });

export interface LogLine {
  readonly level: keyof Log;
  readonly fields: object;
  readonly message: string;
}

export function rememberingLog(): Log & { readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: keyof Log) => (fields: object, message: string) => void lines.push({ level, fields, message });
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}
