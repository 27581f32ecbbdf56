/** A tarball's gzip members: the parts that it was put together from, and that a store has as layers. */
import { createHash } from "node:crypto";
import { inflateRawSync } from "node:zlib";
import { messageOf, TsugiError } from "../contract/errors.ts";
import { pathIn } from "../handler/tar.ts";

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
  for (let start = 0; start < tarball.length; start = members.at(-1)!.end) {
    const member = memberAt(tarball, start, place);
    if (member === undefined) return [];
    const { unpacked, end } = member;
    const sha256 = sumOf(tarball.subarray(start, end));
    const sums = { sha256, unpackedSha256: sumOf(unpacked) };
    members.push({ start, end, ...sums, unpackedBytes: unpacked.length, first: pathIn(unpacked) });
  }
  return members;
}

/** @returns undefined where it is packed in another way; @throws TSUGI_RELEASE_UNREADABLE where it is no gzip */
export function memberAt(
  tarball: Buffer,
  start: number,
  place: string,
): { unpacked: Buffer; end: number } | undefined {
  if (!PLAIN_HEADER.every((byte, at) => tarball[start + at] === byte)) return undefined;
  const begin = start + HEADER_BYTES;
  try {
    // The types of Node don't know what `info` gives.
    const { buffer, engine } = inflateRawSync(tarball.subarray(begin), {
      info: true,
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    return { unpacked: buffer, end: begin + engine.bytesWritten + TRAILER_BYTES };
  } catch (error) {
    throw new TsugiError("TSUGI_RELEASE_UNREADABLE", { place, problem: messageOf(error) });
  }
}

const sumOf = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
