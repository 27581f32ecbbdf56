/** Spoils a tarball block by block, with right checksums more often than not. */
import { oneOf, type Random } from "../random.ts";
import { paxHeader, rawEntry, summed } from "../rawTar.ts";

const BLOCK = 512;

/** Places in a header, and what is put there. */
const FIELDS: [at: number, length: number][] = [
  [0, 100],
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [136, 12],
  [156, 1],
  [157, 100],
  [257, 8],
  [265, 32],
  [297, 32],
  [329, 8],
  [337, 8],
  [345, 155],
  [500, 12],
];
const VALUES = [
  "",
  "\0",
  " ",
  "/",
  "0",
  "7",
  "0000644",
  "00000000000",
  "00000000005",
  "00000001000",
  "77777777777",
  "ustar",
  "ustar  \0",
  "etc/env",
  "../evil",
  "lib/",
  "x",
  "g",
  "L",
  "S",
  "1",
  "2",
  "5",
  "root",
  "\x80",
  "-1",
];
const KEYS = [
  "path",
  "linkpath",
  "size",
  "mtime",
  "uid",
  "gid",
  "comment",
  "hdrcharset",
  "GNU.sparse.name",
  "GNU.sparse.size",
  "GNU.sparse.major",
  "GNU.sparse.realsize",
  "SCHILY.realsize",
  "LIBARCHIVE.creationtime",
  "VENDOR.x",
];
const PAX_VALUES = [
  "",
  "0",
  "1",
  "5",
  "etc/env",
  "../evil",
  "lib/wall-0.0.2/app.mjs",
  "a\nb",
  "\0",
  "BINARY",
  "999999999999",
];

export function spoilt(tar: Buffer, below: Random): Buffer {
  let bytes: Buffer = Buffer.from(tar);
  for (let times = 1 + below(3); times > 0; times -= 1) bytes = spoiltOnce(bytes, below);
  return bytes;
}

function spoiltOnce(tar: Buffer, below: Random): Buffer {
  const at = BLOCK * below(Math.ceil(tar.length / BLOCK));
  const put = (blocks: Buffer, skipped = 0) =>
    Buffer.concat([tar.subarray(0, at), blocks, tar.subarray(at + skipped)]);
  switch (below(9)) {
    case 0:
      return put(Buffer.alloc(BLOCK * (1 + below(3))));
    case 1:
      return put(
        paxHeader(
          [[oneOf(KEYS, below), oneOf(PAX_VALUES, below)]],
          oneOf(["x", "x", "g", "X"], below),
        ),
      );
    case 2:
      return put(
        rawEntry(
          { name: oneOf(VALUES, below), type: oneOf([..."0125xgLKSV7"], below) },
          oneOf(VALUES, below),
        ),
      );
    case 3:
      return put(Buffer.alloc(0), BLOCK * (1 + below(2)));
    case 4:
      return put(tar.subarray(at, at + BLOCK * (1 + below(3))));
    case 5:
      return Buffer.concat([
        tar,
        oneOf(
          [
            Buffer.alloc(BLOCK),
            rawEntry({ name: "etc/env", type: "0" }, "x"),
            Buffer.alloc(100, "g"),
          ],
          below,
        ),
      ]);
    case 6:
      return tar.subarray(0, tar.length - BLOCK * below(4));
    default: {
      if (at + BLOCK > tar.length) return tar;
      const block = Buffer.from(tar.subarray(at, at + BLOCK));
      const [from, length] = oneOf(FIELDS, below);
      const isOne = below(2) === 0;
      if (isOne) block[from + below(length)] = below(256);
      else
        block
          .fill(0, from, from + length)
          .write(oneOf(VALUES, below).slice(0, length), from, "latin1");
      return put(below(8) === 0 ? block : summed(block), BLOCK);
    }
  }
}
