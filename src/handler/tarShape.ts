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
const BLOCK = 512;
const MAX_PAX_BYTES = 64 * 1024;
const PAX_KEYS = ["path", "linkpath", "size"];
/** Files, links, folders; what no release has is called by its name further on, and is refused there. */
const TYPES = "0123456";

type Kind = "header" | "pax" | "body" | "end";

export class TarShape {
  readonly #block = Buffer.alloc(BLOCK);
  #filled = 0;
  #kind: Kind = "header";
  /** Blocks of a body that still come. */
  #blocks = 0;
  #zeros = 0;
  #paxBytes = 0;
  #pax: Buffer[] = [];
  /** Of the pax header that the next entry has. */
  #keys: Map<string, string> | undefined;

  /** @throws Error, in the words of a refusal */
  push(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#kind === "body" && this.#filled === 0) {
        const whole = Math.min(this.#blocks, Math.floor((chunk.length - at) / BLOCK));
        at += whole * BLOCK;
        this.#take(whole);
        if (whole > 0) continue;
      }
      const part = chunk.subarray(at, at + BLOCK - this.#filled);
      this.#block.set(part, this.#filled);
      this.#filled += part.length;
      at += part.length;
      if (this.#filled < BLOCK) return;
      this.#filled = 0;
      this.#read(this.#block);
    }
  }

  /** @throws Error, where it ends before its end */
  end(): void {
    if (this.#filled !== 0 || this.#kind !== "end" || this.#zeros < 2) {
      throw new Error("it ends before its end (truncated?)");
    }
  }

  #take(blocks: number): void {
    this.#blocks -= blocks;
    if (this.#blocks === 0) this.#kind = "header";
  }

  #read(block: Buffer): void {
    if (this.#kind === "body") this.#take(1);
    else if (this.#kind === "pax") this.#readPax(block);
    else if (block.every((byte) => byte === 0)) {
      if (this.#keys !== undefined) throw new Error("a pax header has no entry behind it");
      this.#kind = "end";
      this.#zeros += 1;
    } else if (this.#kind === "end") {
      throw new Error("something lies behind the end of the archive");
    } else this.#readHeader(block);
  }

  #readHeader(block: Buffer): void {
    const problem = headerProblem(block);
    if (problem !== undefined) throw new Error(problem);
    const type = String.fromCharCode(block[156]!);
    const size = octal(block, 124, 12)!;
    if (type === "x") this.#beginPax(size);
    else this.#beginEntry(block, type, size);
  }

  #beginEntry(block: Buffer, type: string, size: number): void {
    const keys = this.#keys;
    this.#keys = undefined;
    const name = keys?.get("path") ?? text(block, 0, 100);
    if (!TYPES.includes(type))
      throw new Error(`"${name}" is of a type ("${type}") that no release has`);
    const bytes = keys?.has("size") ? Number(keys.get("size")) : size;
    // Beyond eight gigabytes the header itself can't say it.
    const isTold = keys?.has("size") !== true || size === bytes || (size === 0 && bytes >= 8 ** 11);
    if (!Number.isSafeInteger(bytes) || !isTold) throw new Error(`"${name}" has two sizes`);
    if (type !== "0" && bytes !== 0) throw new Error(`"${name}" is no file, and has bytes`);
    const isLinked = block[157] !== 0 || keys?.has("linkpath") === true;
    if ("05".includes(type) && isLinked)
      throw new Error(`"${name}" is no link, and leads somewhere`);
    if (type !== "5" && name.endsWith("/"))
      throw new Error(`"${name}" is a file named as a folder`);
    this.#blocks = Math.ceil(bytes / BLOCK);
    this.#kind = this.#blocks === 0 ? "header" : "body";
  }

  #beginPax(size: number): void {
    if (this.#keys !== undefined) throw new Error("an entry has two pax headers");
    if (size === 0 || size > MAX_PAX_BYTES) throw new Error(`a pax header has ${size} bytes`);
    this.#kind = "pax";
    this.#paxBytes = size;
    this.#blocks = Math.ceil(size / BLOCK);
    this.#pax = [];
  }

  #readPax(block: Buffer): void {
    this.#pax.push(Buffer.from(block));
    this.#blocks -= 1;
    if (this.#blocks > 0) return;
    const all = Buffer.concat(this.#pax);
    if (all.subarray(this.#paxBytes).some((byte) => byte !== 0)) {
      throw new Error("something lies behind a pax header");
    }
    this.#keys = paxKeys(all.subarray(0, this.#paxBytes));
    this.#kind = "header";
  }
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

function headerProblem(block: Buffer): string | undefined {
  if (block.toString("latin1", 257, 265) !== "ustar\x0000")
    return "a header is not of the one form (ustar)";
  for (const [at, length] of NUMBERS) {
    if (octal(block, at, length) === undefined) return "a number in a header is not octal";
  }
  let sum = 8 * 32;
  for (const [at, byte] of block.entries()) if (at < 148 || at >= 156) sum += byte;
  if (sum !== octal(block, 148, 8)) return "the checksum of a header is wrong";
  if (block[156] === 0x67) return "it has a global header";
  return undefined;
}

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
