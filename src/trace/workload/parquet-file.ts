/** Whether a file is Parquet. Apart from parquet.ts: whoever reads other files needs no reader of it. */
import { open } from "node:fs/promises";

/** By its first bytes. A file that is not there is none. */
export async function isParquet(path: string): Promise<boolean> {
  // A file that cannot be opened is the next reader's to complain about.
  const file = await open(path, "r").then(
    (opened) => opened,
    () => null,
  );
  if (file === null) return false;
  try {
    const first = Buffer.alloc(4);
    await file.read(first, 0, 4, 0);
    return first.toString("latin1") === "PAR1";
  } finally {
    await file.close();
  }
}
