/**
 * One reading of an archive. Tar has grown many ways to say the same thing, and readers differ in which
 * of them they know: what one calls a comment is a path to the other, and what lies behind the end for one
 * comes next for the other. Whoever verifies with one reader and extracts with another is fooled. So
 * an archive is taken only in the one form that all readers take alike:
 *
 *   header "ustar\0" "00", octal numbers, right checksum · file, link or folder, the last two without bytes
 *   before it at most one pax header, of no other keys than path, linkpath and size, each once
 *   at the end two blocks of zeros, and zeros behind them
 *
 * tsugi_archive.erl holds the same form on a BEAM host.
 */
import { ByteReader } from "./byteReader.ts";

export interface ArchiveEntry {
  path: string;
  /** What the archive calls it: `file`, `symlink`, `directory` … */
  type: string;
  mode: number;
  size: number;
  link?: string;
  body: AsyncIterable<Uint8Array>;
}

const BLOCK = 512;
const MAX_PAX_BYTES = 64 * 1024;
const PAX_KEYS = ["path", "linkpath", "size"];
/** What no release has is called by its name further on, and is refused there. */
const TYPES: Record<string, string> = {
  0: "file",
  1: "link",
  2: "symlink",
  3: "character-device",
  4: "block-device",
  5: "directory",
  6: "fifo",
};

/** What nobody has read of a body is passed over. @throws Error, in the words of a refusal */
export async function* readTar(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const bytes = new ByteReader(chunks, "it ends before its end (truncated?)");
  try {
    let keys: Map<string, string> | undefined;
    for (;;) {
      const block = await bytes.exactly(BLOCK);
      if (isZero(block)) break;
      refuseOtherHeader(block);
      if (block[156] === 0x78) {
        if (keys !== undefined) throw new Error("an entry has two pax headers");
        keys = await readPax(bytes, sizeIn(block));
        continue;
      }
      const header = entryIn(block, keys);
      keys = undefined;
      const end = bytes.position + padded(header.size);
      yield { ...header, body: bytes.pieces(header.size) };
      await bytes.skip(end - bytes.position);
    }
    if (keys !== undefined) throw new Error("a pax header has no entry behind it");
    await readEnd(bytes);
  } finally {
    await bytes.close();
  }
}

/** One block of zeros was there. */
async function readEnd(bytes: ByteReader): Promise<void> {
  let rest: Buffer | undefined = await bytes.exactly(BLOCK);
  for (; rest !== undefined; rest = await bytes.some(Number.POSITIVE_INFINITY)) {
    if (!isZero(rest)) throw new Error("something lies behind the end of the archive");
  }
  await bytes.skip(padded(bytes.position) - bytes.position);
}

const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;

const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);

function entryIn(block: Buffer, keys?: Map<string, string>): Omit<ArchiveEntry, "body"> {
  const path = keys?.get("path") ?? pathIn(block);
  const flag = String.fromCharCode(block[156]!);
  const type = TYPES[flag];
  if (type === undefined) throw new Error(`"${path}" is of a type ("${flag}") that no release has`);
  const said = sizeIn(block);
  const size = Number(keys?.get("size") ?? said);
  // Beyond eight gigabytes the header itself can't say it.
  const isTold = said === size || (said === 0 && size >= 8 ** 11);
  if (!Number.isSafeInteger(size) || !isTold) throw new Error(`"${path}" has two sizes`);
  if (type !== "file" && size !== 0) throw new Error(`"${path}" is no file, and has bytes`);
  const link = keys?.get("linkpath") ?? text(block, 157, 100);
  if (/^(file|directory)$/.test(type) && link !== "")
    throw new Error(`"${path}" is no link, and leads somewhere`);
  if (type !== "directory" && path.endsWith("/"))
    throw new Error(`"${path}" is a file named as a folder`);
  const mode = octal(block, 100, 8)! & 0o7777;
  return { path: path.replace(/\/$/, ""), type, mode, size, ...(link === "" ? {} : { link }) };
}

/** A long one is in two parts. Empty for the end of an archive. */
export function pathIn(block: Buffer): string {
  const prefix = text(block, 345, 155);
  return `${prefix === "" ? "" : `${prefix}/`}${text(block, 0, 100)}`;
}

async function readPax(bytes: ByteReader, size: number): Promise<Map<string, string>> {
  if (size === 0 || size > MAX_PAX_BYTES) throw new Error(`a pax header has ${size} bytes`);
  const all = await bytes.exactly(padded(size));
  if (!isZero(all.subarray(size))) throw new Error("something lies behind a pax header");
  return paxKeys(all.subarray(0, size));
}

/** Mode, owner, group, size, time, checksum, device: where they are and how long. */
const NUMBERS = [
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [136, 12],
  [148, 8],
  [329, 8],
  [337, 8],
] as const;

function refuseOtherHeader(block: Buffer): void {
  if (block.toString("latin1", 257, 265) !== "ustar\x0000")
    throw new Error("a header is not of the one form (ustar)");
  for (const [at, length] of NUMBERS) {
    if (octal(block, at, length) === undefined)
      throw new Error("a number in a header is not octal");
  }
  let sum = 8 * 32;
  for (const [at, byte] of block.entries()) if (at < 148 || at >= 156) sum += byte;
  if (sum !== octal(block, 148, 8)) throw new Error("the checksum of a header is wrong");
  if (block[156] === 0x67) throw new Error("it has a global header");
}

const sizeIn = (block: Buffer): number => octal(block, 124, 12)!;

/** Undefined for anything but octal digits and the spaces or zeros that end them. */
function octal(block: Buffer, at: number, length: number): number | undefined {
  const digits = /^([0-7]+)[ \0]+$/.exec(block.toString("latin1", at, at + length))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 8);
}

const text = (block: Buffer, at: number, length: number): string =>
  block.toString("utf8", at, at + length).split("\0")[0]!;

/** `<length> <key>=<value>\n`, one after the other. */
function paxKeys(bytes: Buffer): Map<string, string> {
  const keys = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 ? "" : bytes.toString("latin1", at, space);
    const end = at + Number(digits);
    if (!/^[1-9]\d{0,6}$/.test(digits) || end > bytes.length || bytes[end - 1] !== 0x0a) {
      throw new Error("a pax header can't be read");
    }
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(bytes.toString("utf8", space + 1, end - 1)) ?? [];
    if (key === undefined || value === undefined) throw new Error("a pax header can't be read");
    if (!PAX_KEYS.includes(key)) throw new Error(`a pax header has the key ${JSON.stringify(key)}`);
    if (keys.has(key)) throw new Error(`a pax header has ${key} twice`);
    if (value === "" || value.includes("\0")) throw new Error(`the ${key} of a pax header is none`);
    if (key === "size" && !/^\d{1,15}$/.test(value))
      throw new Error("the size of a pax header is none");
    keys.set(key, value);
    at = end;
  }
  return keys;
}
