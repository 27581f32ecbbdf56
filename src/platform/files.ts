/**
 * The seam to the file system. A durable write is: temporary file, fsync, rename, fsync of the
 * folder; each has a label, so that a test can make exactly one of them fail (see faults.ts).
 */
import { constants } from "node:fs";
import {
  type FileHandle,
  mkdir,
  open,
  readFile,
  readlink,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { dirname } from "node:path";
import { fault } from "./faults.ts";

/** Writes the whole file or leaves the old one; after it returns, a power loss does not undo it. */
export async function writeDurably(
  label: string,
  path: string,
  data: string | Uint8Array,
  mode = 0o644,
): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  await writeSynced(label, temporary, data, { flags: "w", mode });
  try {
    await renameDurably(label, temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Writes a file that has no name of its own yet; nothing of it stays where that fails. Without a
 * `mode` it is as the umask has it.
 */
export async function writeSynced(
  label: string,
  temporary: string,
  data: string | Uint8Array,
  { flags, mode }: { flags: "w" | "wx"; mode?: number },
): Promise<void> {
  await fault(`${label}:write`, temporary, data);
  const file = await open(temporary, flags, mode);
  try {
    if (mode !== undefined) await file.chmod(mode);
    await file.writeFile(data);
    await file.sync();
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** Renames and makes the rename durable. The instant of the rename is the instant it is true. */
export async function renameDurably(label: string, from: string, to: string): Promise<void> {
  await fault(`${label}:rename`, to);
  await rename(from, to);
  await fault(`${label}:renamed`, to);
  await syncFolder(dirname(to));
}

export async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/**
 * Appends one line in one write, so that lines of several writers never mix. After a line that was
 * cut off (a crash, a full disk) it begins a new one: otherwise both were lost.
 */
export async function appendDurably(label: string, path: string, line: string, mode = 0o640) {
  await fault(`${label}:append`, path, line);
  const file = await open(path, "a+", mode);
  try {
    await file.appendFile((await endsWithinLine(file)) ? `\n${line}` : line);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function endsWithinLine(file: FileHandle): Promise<boolean> {
  const { size } = await file.stat();
  if (size === 0) return false;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer[0] !== "\n".charCodeAt(0);
}

/**
 * How what others may have put there is opened: a FIFO would be waited for, and with it one of the four
 * threads that do all work on files.
 */
export const WITHOUT_WAITING = constants.O_RDONLY | constants.O_NONBLOCK;

export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, { encoding: "utf8", flag: WITHOUT_WAITING });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** No room, on the disk or for this user: the error itself, or one that it was made of. */
export function isDiskFull(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return /^(ENOSPC|EDQUOT|TSUGI_DISK_FULL)$/.test(code ?? "") || isDiskFull(error.cause);
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Where a link leads that leads nowhere: to a disk that is not mounted, as a rule. */
export async function linkToNothing(path: string): Promise<string | undefined> {
  return (await exists(path)) ? undefined : readlink(path).catch(() => undefined);
}

const nothingThere = (path: string, target: string): Error =>
  Object.assign(new Error(`ENOENT: ${path} is a link to ${target}, and nothing is there`), {
    code: "ENOENT",
    path,
  });

/** One by one: where a disk has no room or can only be read, Node's own recursion says that there is no such file. */
export async function ensureFolder(path: string, mode = 0o755): Promise<void> {
  try {
    await mkdir(path, { mode });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const isThere = code === "EEXIST" && (await stat(path).catch(() => undefined))?.isDirectory();
    if (isThere) return;
    const target = await linkToNothing(path);
    if (target !== undefined) throw nothingThere(path, target);
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await ensureFolder(dirname(path), mode);
    await mkdir(path, { mode }).catch((problem) => {
      if (problem.code !== "EEXIST") throw problem;
    });
  }
}
