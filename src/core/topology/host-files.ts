/**
 * How the machine's own files are read: as two functions, so that a machine recorded as text stays readable for ever, and
 * core needs no Node. `src/drivers/linux/host-files.ts` reads the real ones.
 */

/** The text of a file by absolute path; null when it does not exist or the kernel will not give it (offline, forbidden). */
export type ReadText = (path: string) => string | null;
/** Names in a folder; empty when it does not exist or may not be listed. */
export type ListFolder = (path: string) => readonly string[];

export interface HostFiles {
  readonly readText: ReadText;
  readonly listFolder: ListFolder;
}
