/** Apart from files.ts: a supervisor that hashes nothing does not load `node:crypto`. */
import { createHash, type Hash } from "node:crypto";
import { open } from "node:fs/promises";

const CHUNK_BYTES = 1024 * 1024;

/**
 * Of a file's bytes, in hex. One buffer for all of it: a stream would make a new one for each of
 * the many files of a release, and collecting those cost more than hashing them.
 */
export async function sha256OfFile(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    return await digest(file, createHash("sha256"), Math.min(CHUNK_BYTES, size + 1));
  } finally {
    await file.close();
  }
}

/** To the end of the file, however much it has grown meanwhile. */
async function digest(
  file: Awaited<ReturnType<typeof open>>,
  hash: Hash,
  chunkBytes: number,
): Promise<string> {
  const buffer = Buffer.allocUnsafe(chunkBytes);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, chunkBytes, null);
    if (bytesRead === 0) return hash.digest("hex");
    hash.update(buffer.subarray(0, bytesRead));
  }
}
