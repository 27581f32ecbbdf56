/**
 * Where the bytes of a new file are found in an old one: the alignments of bsdiff (Colin Percival,
 * "Naive differences of executable code"), found by a hash of 16 bytes in place of a suffix array,
 * which for a Node binary would take a gigabyte and a minute.
 *
 *   region  a stretch of the new file that lies `shift` further on in the old one, most of its bytes
 *           the same: code that moved keeps its instructions and changes its addresses
 *   gap     what lies between two regions: new
 */
export interface Region {
  /** In the new file. */
  start: number;
  length: number;
  /** In the old one. */
  base: number;
}

/** As many bytes as make a match worth following. */
const WINDOW = 16;
/** A new alignment has to explain so many bytes more than the one it takes over from. */
const WORTH = 8;
/** By so much of it an alignment is judged, so that files that repeat themselves take no longer. */
const JUDGED_BYTES = 1 << 12;
/** So many bytes worse than at its best, and an alignment is over. */
const DROP = 256;
/** A larger old file is indexed at every fourth byte: the table is what takes the memory. */
const DENSE_BYTES = 1 << 24;
const MAX_TABLE_BITS = 25;

/** The regions in the order of the new file; they do not overlap. */
export function findRegions(base: Uint8Array, target: Uint8Array): Region[] {
  const finder = new RegionFinder(base, target);
  return finder.run();
}

class RegionFinder {
  readonly #base: Uint8Array;
  readonly #target: Uint8Array;
  readonly #index: Index;
  readonly #regions: Region[] = [];
  /** Where the alignment that is followed began, in the new file and in the old one. */
  #start = 0;
  #startInBase = 0;

  constructor(base: Uint8Array, target: Uint8Array) {
    this.#base = base;
    this.#target = target;
    this.#index = new Index(base);
  }

  run(): Region[] {
    const view = viewOf(this.#target);
    const last = this.#target.length - WINDOW;
    let at = 0;
    /** Where the last match ended. */
    let matched = 0;
    while (at <= last) {
      const shift = this.#startInBase - this.#start;
      const along = this.#matchLength(at, at + shift);
      if (along >= WINDOW) {
        // What lies between is new, and longer than a region goes on over.
        if (at - matched >= DROP) this.#turnTo(at, at + shift);
        at += along;
        matched = at;
        continue;
      }
      const found = this.#index.find(view, at);
      const length = found < 0 ? 0 : this.#matchLength(at, found, JUDGED_BYTES);
      const isWorth = length >= WINDOW && length > this.#score(at, length, shift) + WORTH;
      if (isWorth) {
        this.#turnTo(at, found);
        at += length;
        matched = at;
      } else at += 1;
    }
    this.#close(this.#target.length, 0);
    return this.#regions;
  }

  #matchLength(at: number, inBase: number, limit = Number.POSITIVE_INFINITY): number {
    const [base, target] = [this.#base, this.#target];
    if (inBase < 0) return 0;
    const most = Math.min(target.length - at, base.length - inBase, limit);
    let length = 0;
    while (length < most && target[at + length] === base[inBase + length]) length += 1;
    return length;
  }

  /** How many of those bytes the alignment that is followed explains. */
  #score(at: number, length: number, shift: number): number {
    let score = 0;
    for (let here = at; here < at + length; here += 1) {
      if (this.#target[here] === this.#base[here + shift]) score += 1;
    }
    return score;
  }

  /** From here another alignment; how far back it reaches is what it explains better than not. */
  #turnTo(at: number, inBase: number): void {
    const most = Math.min(at - this.#start, inBase);
    const back = bestLength(most, (n) => this.#target[at - 1 - n] === this.#base[inBase - 1 - n]);
    this.#close(at, back);
    this.#start = at - back;
    this.#startInBase = inBase - back;
  }

  /** Ends the alignment before `end`, whose last `claimed` bytes the next one claims as well. */
  #close(end: number, claimed: number): void {
    const [start, startInBase] = [this.#start, this.#startInBase];
    const most = Math.min(end - start, this.#base.length - startInBase);
    const explains = (n: number) => this.#target[start + n] === this.#base[startInBase + n];
    const length = Math.min(bestLength(most, explains), end - claimed - start);
    if (length > 0) this.#regions.push({ start, length, base: startInBase });
  }
}

/** The length up to which most of the bytes are the same, and the more the better. */
function bestLength(most: number, isSame: (n: number) => boolean): number {
  let score = 0;
  let best = 0;
  let length = 0;
  for (let n = 0; n < most; n += 1) {
    score += isSame(n) ? 1 : -1;
    if (score > best) {
      best = score;
      length = n + 1;
    } else if (score < best - DROP) break;
  }
  return length;
}

/** Where 16 bytes stand in the old file: one place for each hash, the first. */
class Index {
  readonly #table: Uint32Array;
  readonly #shift: number;

  constructor(base: Uint8Array) {
    const view = viewOf(base);
    const step = base.length > DENSE_BYTES ? 4 : 1;
    const wanted = Math.ceil(Math.log2(Math.max(base.length / step, 1))) + 1;
    const bits = Math.max(8, Math.min(MAX_TABLE_BITS, wanted));
    this.#shift = 32 - bits;
    this.#table = new Uint32Array(2 ** bits);
    for (let at = 0; at + WINDOW <= base.length; at += step) {
      const slot = hashAt(view, at) >>> this.#shift;
      if (this.#table[slot] === 0) this.#table[slot] = at + 1;
    }
  }

  /** @returns a place that may hold the same bytes, or -1 */
  find(target: DataView, at: number): number {
    return this.#table[hashAt(target, at) >>> this.#shift]! - 1;
  }
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

function hashAt(view: DataView, at: number): number {
  let hash = Math.imul(view.getInt32(at, true), 0x9e3779b1);
  hash = Math.imul(hash ^ view.getInt32(at + 4, true), 0x85ebca77);
  hash ^= hash >>> 15;
  hash = Math.imul(hash ^ view.getInt32(at + 8, true), 0xc2b2ae3d);
  hash = Math.imul(hash ^ view.getInt32(at + 12, true), 0x27d4eb2f);
  return hash ^ (hash >>> 13);
}
