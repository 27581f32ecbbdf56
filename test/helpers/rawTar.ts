/** Tar by its blocks: what no library writes. */
import { gzipSync } from "node:zlib";

const BLOCK = 512;

export interface RawHeader {
  name: string;
  type: string;
  size: number;
  linkname?: string;
  magic?: string;
}

export function rawHeader({
  name,
  type,
  size,
  linkname = "",
  magic = "ustar\x0000",
}: RawHeader): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100);
  for (const [at, number] of [
    [100, 0o644],
    [108, 0],
    [116, 0],
    [329, 0],
    [337, 0],
  ] as const) {
    block.write(number.toString(8).padStart(7, "0"), at);
  }
  for (const [at, number] of [
    [124, size],
    [136, 0],
  ] as const) {
    block.write(number.toString(8).padStart(11, "0"), at);
  }
  block.write(type, 156, 1);
  block.write(linkname, 157, 100);
  block.write(magic, 257, "latin1");
  return summed(block);
}

/** With its checksum right again. */
export function summed(block: Buffer): Buffer {
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

export function rawEntry(header: Omit<RawHeader, "size">, bytes: string | Buffer = ""): Buffer {
  const body = Buffer.from(bytes);
  const padding = Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK);
  return Buffer.concat([rawHeader({ ...header, size: body.length }), body, padding]);
}

/** A pax header with these keys; `g` for one that means all that follows. */
export function paxHeader(pairs: [key: string, value: string][], type = "x"): Buffer {
  const records = pairs.map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = Buffer.byteLength(rest) + 1;
    while (Buffer.byteLength(String(length)) + Buffer.byteLength(rest) !== length) length += 1;
    return `${length}${rest}`;
  });
  return rawEntry({ name: "PaxHeader", type }, records.join(""));
}

/** Puts blocks in front of the entry with that name; a copy of the entry can be changed. */
export function before(
  plain: Buffer,
  name: string,
  blocks: Buffer,
  change = (header: Buffer) => header,
): Buffer {
  const at = plain.indexOf(`${name}\0`);
  if (at < 0 || at % BLOCK !== 0) throw new Error(`no entry ${name}`);
  const header = change(Buffer.from(plain.subarray(at, at + BLOCK)));
  return Buffer.concat([plain.subarray(0, at), blocks, summed(header), plain.subarray(at + BLOCK)]);
}

/**
 * Archives that readers take in different ways, of an honest one (without its compression): GNU tar,
 * busybox, bsdtar and tar-stream each know other parts of tar. `file` is an entry of some bytes.
 */
export function ambiguous(plain: Buffer, file: string): Record<string, Buffer> {
  const pax = (...pairs: [string, string][]) => paxHeader(pairs);
  const at = plain.indexOf(`${file}\0`);
  const evil = rawEntry({ name: "etc/env", type: "0" }, "EVIL=1\n");
  const header = (change: (header: Buffer) => void) =>
    before(plain, file, Buffer.alloc(0), (block) => {
      change(block);
      return block;
    });
  const plainArchives: Record<string, Buffer> = {
    "pax-sparse-name": before(
      plain,
      file,
      pax(["GNU.sparse.name", "etc/env"], ["GNU.sparse.major", "1"], ["GNU.sparse.minor", "0"]),
    ),
    "pax-sparse-size": before(
      plain,
      file,
      pax(["GNU.sparse.size", "20"], ["GNU.sparse.numblocks", "0"]),
    ),
    "pax-realsize": before(plain, file, pax(["GNU.sparse.realsize", "1"])),
    "pax-charset": before(plain, file, pax(["hdrcharset", "BINARY"])),
    "pax-libarchive": before(plain, file, pax(["LIBARCHIVE.symlinktype", "dir"])),
    "pax-attribute": before(plain, file, pax(["SCHILY.xattr.user.x", "1"])),
    "pax-time": before(plain, file, pax(["mtime", "1"])),
    "pax-path-twice": before(plain, file, pax(["path", "etc/env"], ["path", file])),
    "pax-path-empty": before(plain, file, pax(["path", ""])),
    "pax-size-other": before(plain, file, pax(["size", "5"])),
    "pax-two-headers": before(
      plain,
      file,
      Buffer.concat([pax(["path", "etc/env"]), pax(["path", file])]),
    ),
    "pax-of-nothing": Buffer.concat([
      plain.subarray(0, -1024),
      pax(["path", file]),
      plain.subarray(-1024),
    ]),
    "pax-solaris": before(plain, file, paxHeader([["path", "etc/env"]], "X")),
    "global-path": before(plain, file, paxHeader([["path", "etc/env"]], "g")),
    "global-comment": before(plain, file, paxHeader([["comment", "x"]], "g")),
    "gnu-long-name": before(
      plain,
      file,
      rawEntry({ name: "././@LongLink", type: "L" }, "etc/env\0"),
    ),
    "gnu-long-link": before(
      plain,
      file,
      rawEntry({ name: "././@LongLink", type: "K" }, "etc/env\0"),
    ),
    "gnu-sparse": before(plain, file, rawEntry({ name: "x", type: "S" }, "x")),
    "gnu-volume": before(plain, file, rawEntry({ name: "x", type: "V" })),
    "gnu-magic": header((block) => block.write("ustar  \0", 257, "latin1")),
    "old-magic": header((block) => block.fill(0, 257, 265)),
    "old-type": header((block) => block.fill(0, 156, 157)),
    "binary-size": header((block) => {
      const size = Number.parseInt(block.toString("latin1", 124, 135), 8);
      block.fill(0, 124, 136);
      block[124] = 0x80;
      block.writeUInt32BE(size, 132);
    }),
    "file-with-link": header((block) => block.write("etc/env", 157)),
    "file-with-link-path": before(plain, file, pax(["linkpath", "etc/env"])),
    "negative-size": header((block) => block.write("-0000000001", 124)),
    "end-in-the-middle": Buffer.concat([
      plain.subarray(0, at),
      Buffer.alloc(1024),
      plain.subarray(at),
    ]),
    "one-zero-block-in-the-middle": Buffer.concat([
      plain.subarray(0, at),
      Buffer.alloc(512),
      plain.subarray(at),
    ]),
    "entry-behind-the-end": Buffer.concat([plain, evil, Buffer.alloc(1024)]),
    "no-end": plain.subarray(0, -1024),
    "half-an-end": plain.subarray(0, -512),
  };
  return Object.fromEntries(
    Object.entries(plainArchives).map(([name, bytes]) => [name, gzipSync(bytes, { level: 9 })]),
  );
}
