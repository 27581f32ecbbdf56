/** Room for another release beside those that are here, and for what the application and its log write. */
import { access, constants, stat, statfs } from "node:fs/promises";
import { linkToNothing } from "../../platform/files.ts";
import type { Finding } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";
import { bytesText } from "../output.ts";
import type { Seen } from "./seen.ts";

/** For a log and reports, on whatever disk. */
const LEAST_BYTES = 64 * 1024 * 1024;
const LEAST_FILES = 1000;

export async function checkSpace(context: Context): Promise<Seen> {
  const { roomAt } = await import("../../handler/remove.ts");
  const { root, log, data } = context.layout;
  const { bytes, files } = await largestRelease(context);
  const findings: Finding[] = [];
  const devices = new Set<number>();
  let note = "";
  for (const folder of [root, log, data]) {
    const target = await linkToNothing(folder);
    if (target !== undefined) {
      const problem = `${folder} is a link to ${target}, and nothing is there.`;
      findings.push({
        problem,
        remedy: `Mount what belongs there (findmnt), or mkdir -p ${target}`,
      });
    }
    if (await isReadOnly(folder)) {
      const problem = `${folder} can only be read: its file system is mounted so.`;
      // A kernel does it to a disk with errors.
      findings.push({ problem, remedy: `dmesg | tail; mount -o remount,rw ${folder}` });
    }
    const device = await stat(folder)
      .then(({ dev }) => dev)
      .catch(() => undefined);
    if (device === undefined || devices.has(device)) continue;
    devices.add(device);
    const { bavail, bsize, ffree, files: fileLimit } = await statfs(folder);
    const isRoot = folder === root;
    const needed = Math.max(LEAST_BYTES, isRoot ? bytes : 0);
    const neededFiles = Math.max(LEAST_FILES, isRoot ? files : 0);
    const remedy = isRoot ? await roomAt(context.layout) : `du -ah ${folder} | sort -h | tail`;
    if (isRoot) note = `${bytesText(bavail * bsize)} free`;
    if (bavail * bsize < needed) {
      const problem = `${folder} has ${bytesText(bavail * bsize)} free; ${bytesText(needed)} should be.`;
      findings.push({ problem, remedy });
    }
    // Some file systems count no files.
    if (fileLimit > 0 && ffree < neededFiles) {
      findings.push({ problem: `${folder} has room for ${ffree} more files only.`, remedy });
    }
  }
  return { note, findings };
}

const isReadOnly = (folder: string): Promise<boolean> =>
  access(folder, constants.W_OK).then(
    () => false,
    ({ code }: NodeJS.ErrnoException) => code === "EROFS",
  );

/** Of those that are here: the next one will be about as large. */
async function largestRelease(context: Context): Promise<{ bytes: number; files: number }> {
  const handler = await context.handler();
  const { releases } = await handler.list();
  let [bytes, files] = [0, 0];
  for (const { version } of releases) {
    const manifest = await handler.manifest(version).catch(() => undefined);
    if (manifest === undefined) continue; // said by the check of the files
    bytes = Math.max(
      bytes,
      manifest.files.reduce((sum, { size }) => sum + size, 0),
    );
    files = Math.max(files, manifest.files.length);
  }
  return { bytes, files };
}
