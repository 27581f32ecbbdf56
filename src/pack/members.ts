/** A tarball's gzip members: the parts that it was put together from, and that a store has as layers. */
import { createHash } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { messageOf, TsugiError } from "../contract/errors.ts";

export interface Member {
  /** In the tarball, the end excluded. */
  start: number;
  end: number;
  sha256: string;
  /** Of what it has unpacked. */
  unpackedSha256: string;
  unpackedBytes: number;
  /** The path of the first file in it; empty for the end of the archive. */
  first: string;
}

/** A gzip header as the build writes it, without a name, a comment and the like. */
const HEADER_BYTES = 10;
const PLAIN_HEADER = [0x1f, 0x8b, 8, 0];
/** CRC and size. */
const TRAILER_BYTES = 8;

/** @returns none where it is packed in another way; @throws TSUGI_RELEASE_UNREADABLE where it is no gzip */
export function membersOf(tarball: Buffer, place: string): Member[] {
  const members: Member[] = [];
  try {
    for (let start = 0; start < tarball.length; start = members.at(-1)!.end) {
      if (!PLAIN_HEADER.every((byte, at) => tarball[start + at] === byte)) return [];
      const { unpacked, bytes } = inflated(tarball.subarray(start + HEADER_BYTES));
      const end = start + HEADER_BYTES + bytes + TRAILER_BYTES;
      const sums = [tarball.subarray(start, end), unpacked].map(sumOf);
      const [sha256, unpackedSha256] = sums as [string, string];
      const first = pathIn(unpacked);
      members.push({ start, end, sha256, unpackedSha256, unpackedBytes: unpacked.length, first });
    }
  } catch (error) {
    throw new TsugiError("TSUGI_RELEASE_UNREADABLE", { place, problem: messageOf(error) });
  }
  return members;
}

/** `bytes`: how many of them belong to it. */
function inflated(deflated: Buffer): { unpacked: Buffer; bytes: number } {
  // The types of Node don't know what `info` gives.
  const { buffer, engine } = inflateRawSync(deflated, { info: true }) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  return { unpacked: buffer, bytes: engine.bytesWritten };
}

/** A ustar header has long paths in two parts. */
function pathIn(tar: Buffer): string {
  const field = (from: number, to: number) => tar.toString("utf8", from, to).split("\0")[0]!;
  const [name, prefix] = [field(0, 100), field(345, 500)];
  return prefix === "" ? name : `${prefix}/${name}`;
}

const sumOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
