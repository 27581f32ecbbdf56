/** A tarball's gzip members: the parts that it was put together from, and that a registry has as layers. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { Gunzip } from "fflate";
import { messageOf, TsugiError } from "../contract/errors.ts";

export interface Member {
  /** In the tarball, the end excluded. */
  start: number;
  end: number;
  sha256: string;
  /** Of what it has unpacked. */
  unpackedSha256: string;
  /** The path of the first file in it; empty for the end of the archive. */
  first: string;
}

const CHUNK_BYTES = 1 << 18;
const HEADER_BYTES = 512;

/** @throws TSUGI_RELEASE_UNREADABLE where it is no gzip */
export async function membersOf(path: string): Promise<Member[]> {
  const found: Omit<Member, "sha256">[] = [];
  let start = 0;
  let hash = createHash("sha256");
  let head = Buffer.alloc(0);
  const gunzip = new Gunzip((chunk) => {
    hash.update(chunk);
    if (head.length < HEADER_BYTES) head = Buffer.concat([head, chunk.subarray(0, HEADER_BYTES)]);
  });
  const close = (end: number) => {
    found.push({ start, end, unpackedSha256: hash.digest("hex"), first: pathIn(head) });
    start = end;
    hash = createHash("sha256");
    head = Buffer.alloc(0);
  };
  gunzip.onmember = close;
  let size = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
      size += (chunk as Buffer).length;
      // It keeps what it was given, and the stream's buffer is used again.
      gunzip.push(new Uint8Array(chunk as Buffer));
    }
    gunzip.push(new Uint8Array(), true);
  } catch (error) {
    throw new TsugiError("TSUGI_RELEASE_UNREADABLE", { place: path, problem: messageOf(error) });
  }
  close(size);
  const members: Member[] = [];
  for (const member of found) members.push({ ...member, sha256: await sumOf(path, member) });
  return members;
}

/** A ustar header has long paths in two parts. */
function pathIn(header: Buffer): string {
  const field = (from: number, to: number) => header.toString("utf8", from, to).split("\0")[0]!;
  const [name, prefix] = [field(0, 100), field(345, 500)];
  return prefix === "" ? name : `${prefix}/${name}`;
}

async function sumOf(path: string, { start, end }: { start: number; end: number }) {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { start, end: end - 1 })) hash.update(chunk);
  return hash.digest("hex");
}
