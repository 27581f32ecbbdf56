/**
 * One writer per install root. Node has no flock, so the lock is a file created exclusively that
 * says whose it is; a lock whose owner is gone (pid, start time, boot) is seen through.
 */
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { identityOf, isAlive, type ProcessIdentity } from "./processes.ts";

/**
 * Takes the lock or tells who holds it.
 * The file appears whole: it is written under its own name and linked into place.
 */
export async function takeLock(
  path: string,
): Promise<
  { taken: true; release: () => Promise<void> } | { taken: false; owner: ProcessIdentity }
> {
  const own = `${path}.${process.pid}`;
  await writeFile(own, JSON.stringify(identityOf(process.pid)), { mode: 0o600 });
  try {
    for (;;) {
      try {
        await link(own, path);
        return { taken: true, release: () => rm(path, { force: true }) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      const owner = await readOwner(path);
      if (owner !== undefined && isAlive(owner)) return { taken: false, owner };
      await rm(path, { force: true });
    }
  } finally {
    await rm(own, { force: true });
  }
}

async function readOwner(path: string): Promise<ProcessIdentity | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as ProcessIdentity;
  } catch {
    return undefined;
  }
}
