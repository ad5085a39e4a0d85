/** Makes the names in a folder durable: a file that was made or renamed is lost in a power cut until its folder is on disk. */
import { open } from "node:fs/promises";

export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
