/**
 * A fuzzer of everything that unpacks. It spoils honest archives and those of the corpus, offers them
 * to a host that has a release already, and holds the host to one promise: what is offered is either
 * refused with a reason and exit code 4, nothing left and nothing touched, or it is unpacked to exactly
 * what its manifest says.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import { TsugiError } from "../../src/contract/errors.ts";
import { createReleaseHandler, type ReleaseHandler } from "../../src/handler/index.ts";
import {
  DELTA_MAGIC,
  type DeltaHeader,
  type Inventory,
  SECTIONS,
} from "../../src/release/delta.ts";
import { makeDelta, type ReleaseContent } from "../../src/release/deltaMake.ts";
import { type Layout, layoutOf } from "../../src/release/layout.ts";
import {
  bytesOf,
  entriesOf,
  type HandmadeRelease,
  handmadeRelease,
  pack,
  type RawEntry,
  sealed,
  temporaryFolder,
  writeTarball,
} from "./handmadeRelease.ts";
import type { Random } from "./random.ts";

export interface Offer {
  bytes: Buffer;
  delta: boolean;
}

export type Outcome = "refused" | "whole";

/** A host with one committed release, to which one archive after the other is offered. */
export class FuzzedHost {
  readonly #folder = temporaryFolder();
  readonly #layout: Layout;
  readonly #handler: ReleaseHandler;
  #before: Record<string, string> = {};

  private constructor() {
    this.#layout = layoutOf(this.#folder.at("root"), "wall");
    mkdirSync(this.#layout.releases, { recursive: true });
    mkdirSync(this.#layout.etc);
    writeFileSync(this.#layout.etcEnv, "SECRET=1\n", { mode: 0o600 });
    this.#handler = createReleaseHandler(this.#layout);
  }

  static async create(bare?: "bare"): Promise<FuzzedHost> {
    const host = new FuzzedHost();
    if (bare === undefined) {
      const source = await writeTarball(host.#folder.at("a.tar.gz"), INSTALLED);
      await host.#handler.unpack({ source });
      await host.#handler.commit("0.0.1");
    }
    mkdirSync(host.#layout.staging, { recursive: true });
    host.#before = host.#snapshot();
    return host;
  }

  async offer({ bytes, delta }: Offer): Promise<{ outcome: Outcome; problem: string }> {
    const source = this.#folder.at("offered");
    writeFileSync(source, bytes);
    const unpacked = await this.#handler.unpack({ source, delta }).catch((error: unknown) => error);
    if (unpacked instanceof Error) {
      assert.ok(unpacked instanceof TsugiError, unpacked.stack);
      assert.equal(unpacked.exitCode, 4, `${unpacked.code}: ${unpacked.message}`);
      assert.doesNotMatch(unpacked.message, /undefined|\[object|NaN/);
      assert.deepEqual(this.#snapshot(), this.#before, "something is left or changed");
      return { outcome: "refused", problem: unpacked.message };
    }
    const { version, already } = unpacked as { version: string; already: boolean };
    if (!already) await this.#holdsExactly(version);
    return { outcome: "whole", problem: "" };
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }

  async #holdsExactly(version: string): Promise<void> {
    await this.#handler.verify(version, true);
    const { files } = await this.#handler.manifest(version);
    const own = [`releases/${version}/release.json`, `releases/${version}/release.json.sig`];
    const allowed = new Set(
      [...files.map(({ path }) => path), ...own].map((path) => `root/${path}`),
    );
    const extra = Object.entries(this.#snapshot()).filter(
      ([path, what]) => !what.startsWith("folder") && !(path in this.#before) && !allowed.has(path),
    );
    assert.deepEqual(extra, []);
    await this.#handler.remove(version);
    assert.deepEqual(this.#snapshot(), this.#before, "its removal left or took something");
  }

  /** Everything below and beside the root but what is offered, and the registry, which has times. */
  #snapshot(): Record<string, string> {
    const found: Record<string, string> = {};
    const walk = (folder: string) => {
      for (const name of readdirSync(join(this.#folder.path, folder)).sort()) {
        const relative = join(folder, name);
        const path = join(this.#folder.path, relative);
        const info = lstatSync(path);
        const mode = (info.mode & 0o7777).toString(8);
        if (relative === "offered" || name === "RELEASES.json") continue;
        if (info.isSymbolicLink()) found[relative] = `link ${readlinkSync(path)}`;
        else if (!info.isDirectory())
          found[relative] = `file ${mode} ${digest(readFileSync(path))}`;
        else {
          found[relative] = `folder ${mode}`;
          walk(relative);
        }
      }
    };
    walk("");
    return found;
  }
}

const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

const INSTALLED = handmadeRelease("0.0.1", {
  "lib/wall-0.0.1/big.mjs": { bytes: "old ".repeat(900) },
});
const HONEST = handmadeRelease("0.0.2", {
  "lib/wall-0.0.2/big.mjs": { bytes: `${"old ".repeat(400)}new${"old ".repeat(500)}` },
  "lib/wall-0.0.2/empty": { bytes: "" },
});

const contentOf = (release: HandmadeRelease): ReleaseContent => ({
  manifest: release.manifest,
  manifestBytes: release.manifestBytes,
  read: async ({ path }) => bytesOf(release.files[path]!),
});

export const honestTarball = async (): Promise<Offer> => ({
  bytes: await pack(entriesOf(HONEST)),
  delta: false,
});

export async function honestDelta(): Promise<Offer> {
  const { version } = INSTALLED.manifest;
  const { releaseId } = INSTALLED;
  const releases = [{ version, releaseId, status: "permanent" }];
  // No folder is said to be there, so that every kind of instruction occurs.
  const inventory: Inventory = { format: 1, name: "wall", platform: "", releases, folders: [] };
  const { chunks } = await makeDelta(inventory, contentOf(HONEST), [contentOf(INSTALLED)]);
  return { bytes: Buffer.concat(chunks), delta: true };
}

/** One more archive that nobody should make. */
export async function spoiltOffer(corpus: readonly Offer[], below: Random): Promise<Offer> {
  switch (below(5)) {
    case 0:
      return { bytes: await spoiltEntries(below), delta: false };
    case 1:
      return { bytes: await spoiltManifest(below), delta: false };
    case 2:
      return { bytes: await spoiltDelta(below), delta: true };
    default: {
      const { bytes, delta } = corpus[below(corpus.length)]!;
      return { bytes: delta ? spoil(bytes, below) : spoiltTarball(bytes, below), delta };
    }
  }
}

/** Flips, cuts, doubles, moves. */
function spoil(whole: Buffer, below: Random, block = 1): Buffer {
  let bytes = Buffer.from(whole);
  for (let times = 1 + below(3); times > 0; times -= 1) {
    if (bytes.length === 0) return Buffer.from("x");
    const at = below(bytes.length);
    const start = below(2) === 0 ? at - (at % block) : at;
    const length = 1 + below(block * 2 + 64);
    switch (below(4)) {
      case 0:
        bytes[at] = below(256);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, start), bytes.subarray(start + length)]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, start + length), bytes.subarray(start)]);
        break;
      default:
        bytes.copyWithin(below(bytes.length), start, start + length);
    }
  }
  return bytes;
}

/** Of the compressed bytes, or of the tar inside. */
function spoiltTarball(whole: Buffer, below: Random): Buffer {
  if (below(3) === 0) return spoil(whole, below);
  let plain: Buffer;
  try {
    plain = gunzipSync(whole);
  } catch {
    return spoil(whole, below);
  }
  return gzipSync(spoil(plain, below, 512), { level: 1 });
}

const EVIL_PATHS = [
  "../evil",
  "/tmp/tsugi-evil",
  "etc/trusted_keys",
  "releases/permanent",
  "releases/0.0.1/release.json",
  "releases/RELEASES.json",
  "lib/wall-0.0.1/app.mjs",
  "lib/wall-0.0.2/../../etc/env",
  "lib/wall-0.0.2/APP.mjs",
  "lib/wall-0.0.2/node_modules/ms/index.js",
  "lib/wall-0.0.2/a\u0301",
  "lib/wall-0.0.2/\u00e1",
  "lib/wall-0.0.2/x\\..\\y",
  "lib//x/y",
  "./lib/x/y",
  "bin/sh",
  "var/evil",
  "lib/x\0/y",
  `lib/${"x".repeat(300)}/y`,
];

const TYPES = ["file", "symlink", "link", "directory", "character-device", "fifo"] as const;

/** Well-formed entries that say something else than the manifest. */
async function spoiltEntries(below: Random): Promise<Buffer> {
  const entries = entriesOf(HONEST);
  for (let times = 1 + below(2); times > 0; times -= 1) {
    const at = below(entries.length);
    const entry = entries[at]!;
    const change: Partial<RawEntry>[] = [
      { name: EVIL_PATHS[below(EVIL_PATHS.length)]! },
      { type: TYPES[below(TYPES.length)]! },
      { mode: [0o4755, 0o2755, 0o1777, 0o000, 0o666][below(5)]! },
      { linkname: EVIL_PATHS[below(EVIL_PATHS.length)]! },
      { bytes: "x".repeat(below(3000)) },
      { type: "symlink", linkname: EVIL_PATHS[below(EVIL_PATHS.length)]! },
    ];
    const spoilt = { ...entry, ...change[below(change.length)] };
    if (below(2) === 0) entries[at] = spoilt;
    else entries.splice(below(entries.length + 1), 0, spoilt);
    if (below(4) === 0) entries.splice(below(entries.length), 1);
  }
  return pack(entries);
}

/** A manifest that agrees with its files, and should not be. */
async function spoiltManifest(below: Random): Promise<Buffer> {
  const path = EVIL_PATHS[below(EVIL_PATHS.length)]!;
  const link = below(3) === 0 ? { link: EVIL_PATHS[below(EVIL_PATHS.length)]! } : {};
  const extra = { [path]: { bytes: "x", mode: [0o644, 0o4755, 0o777][below(3)]!, ...link } };
  const release = handmadeRelease("0.0.2", below(2) === 0 ? extra : {});
  const manifest = structuredClone(release.manifest) as unknown as Record<string, unknown>;
  const values = ["", "..", "a/b", 7, null, [], {}, "0.0.1", "x".repeat(300)];
  const keys = Object.keys(manifest);
  if (below(2) === 0) manifest[keys[below(keys.length)]!] = values[below(values.length)];
  const file = release.manifest.files[below(release.manifest.files.length)]!;
  const files = manifest.files;
  if (Array.isArray(files) && below(3) === 0) {
    files.push({ ...file, [Object.keys(file)[below(4)]!]: values[below(values.length)] });
  }
  const spoilt = sealed(manifest as unknown as typeof release.manifest, release.files);
  const entries = entriesOf(release);
  entries[0] = { ...entries[0]!, bytes: spoilt.manifestBytes };
  return pack(entries);
}

/** Sections that decompress, with other instructions; or another header. */
async function spoiltDelta(below: Random): Promise<Buffer> {
  const { bytes } = await honestDelta();
  const end = bytes.indexOf("\n", DELTA_MAGIC.length);
  const header = JSON.parse(bytes.toString("utf8", DELTA_MAGIC.length, end)) as DeltaHeader;
  let at = end + 1;
  const chosen = below(SECTIONS.length + 1);
  const sections = SECTIONS.map((name, index) => {
    const packed = bytes.subarray(at, at + header.sections[name]);
    at += packed.length;
    if (index !== chosen) return packed;
    return brotliCompressSync(spoil(brotliDecompressSync(packed), below), { params: {} });
  });
  SECTIONS.forEach((name, index) => {
    header.sections[name] = sections[index]!.length;
  });
  if (chosen === SECTIONS.length) spoilHeader(header, below);
  const head = Buffer.from(`${DELTA_MAGIC}${JSON.stringify(header)}\n`);
  return Buffer.concat([head, ...sections]);
}

function spoilHeader(header: DeltaHeader, below: Random): void {
  const values = [0, -1, 2 ** 60, null, "x", "../..", "0.0.1", [], {}, "f".repeat(64)];
  const value = values[below(values.length)] as never;
  switch (below(3)) {
    case 0:
      Reflect.set(header, Object.keys(header)[below(Object.keys(header).length)]!, value);
      break;
    case 1:
      header.sections[SECTIONS[below(3)]!] = value;
      break;
    default:
      header.bases = [{ ...header.bases[0]!, [below(2) ? "version" : "releaseId"]: value }];
  }
}
