/** What the file system refuses is no bug of ours; where the root's disk is full, it is said what makes room. */
import { statfs } from "node:fs/promises";
import { refusedByMachine, TsugiError } from "../contract/errors.ts";
import { isDiskFull } from "../platform/files.ts";
import { layoutOf } from "../release/layout.ts";

const MB = 1024 * 1024;

/** @returns the error itself where it is none of a file */
export async function refusedFile(error: unknown, root: string, name: string): Promise<unknown> {
  // A write names no file.
  const { code, path = root, message } = error as NodeJS.ErrnoException;
  const isFileError = typeof code === "string" && /^E[A-Z]+$/.test(code);
  if (!isFileError) return error;
  const details = { path, problem: message };
  // No owner and no mode: a file of ours, whatever it is called, can't be written at all.
  const byMachine = refusedByMachine(error, root);
  if (!isDiskFull(error) && byMachine !== undefined) return byMachine;
  if (!isDiskFull(error) || !path.startsWith(root) || (await freeBytes(root)) >= MB)
    return new TsugiError("TSUGI_FILE_REFUSED", details, { cause: error });
  const { roomAt } = await import("../handler/remove.ts");
  const room = await roomAt(layoutOf(root, name)).catch(() => `du -ah ${root} | sort -h | tail`);
  const full = { root, neededMb: 1, freeMb: 0, room };
  // Met in the midst of something: what a check before it refuses has changed nothing.
  return Object.assign(new TsugiError("TSUGI_DISK_FULL", full, { cause: error }), { exitCode: 1 });
}

/** Where it can't be asked, the error stands for itself; a disk may also be out of names for files. */
const freeBytes = (root: string): Promise<number> =>
  statfs(root).then(
    ({ bavail, bsize }) => bavail * bsize,
    () => MB,
  );
