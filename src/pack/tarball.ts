/**
 * `<app>.tar.gz` as a concatenation of gzip members, which is itself a valid gzip file:
 *
 *   ┌ release.json ┐┌ bin ┐┌ lib/<app>-<vsn> ┐┌ lib/packages-… ┐┌ … ┐┌ runtime/… ┐┌ end ┐
 *
 * Members that are the same from build to build (the runtime's 100 MB first of all) are compressed
 * once and kept. The deflate is fflate's, in JavaScript: zlib gives other bytes on other machines.
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, type WriteStream } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { finished } from "node:stream/promises";
import { Gzip } from "fflate";
import { type Header, pack } from "tar-stream";
import { sha256OfFile } from "../platform/sha256.ts";
import { canonicalJson, type ManifestFile, sha256 } from "../release/manifest.ts";
import { cachePath, touch, writeWhole } from "./cache.ts";
import { type PackedFile, type PackedGroup, readSource } from "./fileSet.ts";
import { type BuildReport, silentReport } from "./report.ts";

/** Part of the name of a kept member: another one starts afresh. */
const MEMBER_FORMAT = 1;
const LEVEL = 6;
/** The compressor is fed pieces of one size, since its output depends on them. */
const PIECE_BYTES = 1 << 18;
const END_OF_TAR = new Uint8Array(1024);

/** @returns its SHA-256. `first`: release.json (and its signature); the groups follow in the order of their paths. */
export async function writeTarball(
  target: string,
  first: PackedFile[],
  groups: PackedGroup[],
  report: BuildReport = silentReport,
): Promise<string> {
  const ordered = groups
    .filter(({ files }) => files.length > 0)
    .sort((a, b) => (a.files[0]!.path < b.files[0]!.path ? -1 : 1));
  const out = new HashedFile(target);
  try {
    await out.write(await packMember(first));
    for (const group of ordered) {
      if (group.stable) await out.copy(await keptMember(group, report));
      else await out.write(await compress(await tarOf(group.files)));
    }
    await out.write(await compress([END_OF_TAR]));
  } finally {
    await out.close();
  }
  return out.sha256();
}

/** Hashes what it writes: the tarball is not read again for its SHA-256. */
class HashedFile {
  readonly #hash = createHash("sha256");
  readonly #stream: WriteStream;

  constructor(path: string) {
    this.#stream = createWriteStream(path);
  }

  async write(chunks: Iterable<Uint8Array>): Promise<void> {
    for (const chunk of chunks) {
      this.#hash.update(chunk);
      if (!this.#stream.write(chunk)) await once(this.#stream, "drain");
    }
  }

  async copy(path: string): Promise<void> {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
      await this.write([chunk as Uint8Array]);
    }
  }

  async close(): Promise<void> {
    this.#stream.end();
    await finished(this.#stream);
  }

  sha256(): string {
    return this.#hash.digest("hex");
  }
}

/** Manifest and signature, as they stand in front. */
export const packMember = async (files: PackedFile[]): Promise<Uint8Array[]> =>
  compress(await tarOf(files));

function memberPath({ entries }: PackedGroup): string {
  const key = sha256(`${MEMBER_FORMAT}/${LEVEL}\n${canonicalJson(entries)}`);
  return cachePath("members", `${key}.gz`);
}

/** They are compressed anew the next time. */
export async function forgetMembers(groups: readonly PackedGroup[]): Promise<void> {
  for (const group of groups) await rm(memberPath(group), { force: true });
}

async function keptMember(group: PackedGroup, report: BuildReport): Promise<string> {
  const path = memberPath(group);
  if (await isAsWritten(path)) await touch(path);
  else {
    const folder = group.files[0]!.path.split("/").slice(0, 2).join("/");
    report.step(`Compressing ${folder}, once`);
    const parts = await compress(await tarOf(group.files, group.entries));
    const bytes = Buffer.concat(parts);
    await writeWhole(`${path}.sha256`, sha256(bytes));
    await writeWhole(path, bytes);
  }
  return path;
}

/** One that a full disk or a hand has spoilt is made again: it would be part of every release to come. */
async function isAsWritten(path: string): Promise<boolean> {
  const sum = await readFile(`${path}.sha256`, "utf8").catch(() => "");
  if (sum === "" || (await sha256OfFile(path).catch(() => "")) !== sum) return false;
  await touch(`${path}.sha256`);
  return true;
}

/** Tar entries without the end-of-archive blocks. With `entries`, the bytes are held against them. */
async function tarOf(files: PackedFile[], entries?: ManifestFile[]): Promise<Uint8Array[]> {
  const tar = pack();
  const chunks: Uint8Array[] = [];
  tar.on("data", (chunk: unknown) => chunks.push(chunk as Uint8Array));
  const ended = new Promise<void>((resolve, reject) => {
    tar.on("end", () => resolve());
    tar.on("error", reject);
  });
  for (const [index, file] of files.entries()) {
    const bytes = readSource(file.source);
    const expected = entries?.[index];
    if (expected !== undefined && sha256(bytes) !== expected.sha256) {
      throw new Error(`${file.path} changed while it was packed`);
    }
    if ("link" in file.source) tar.entry(headerOf(file, file.source.link));
    else tar.entry(headerOf(file), Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  }
  tar.finalize();
  await ended;
  return withoutEnd(chunks);
}

function headerOf(file: PackedFile, link?: string): Partial<Header> & { name: string } {
  const header = {
    name: file.path,
    mode: file.mode,
    mtime: new Date(0),
    uid: 0,
    gid: 0,
    uname: "",
    gname: "",
  };
  return link === undefined
    ? { ...header, type: "file" }
    : { ...header, type: "symlink", linkname: link };
}

function withoutEnd(chunks: Uint8Array[]): Uint8Array[] {
  const all = Buffer.concat(chunks);
  return [all.subarray(0, all.length - END_OF_TAR.length)];
}

async function compress(parts: Uint8Array[]): Promise<Uint8Array[]> {
  const out: Uint8Array[] = [];
  const gzip = new Gzip({ level: LEVEL, mtime: 0 }, (chunk) => out.push(chunk));
  const all = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  for (let at = 0; at < all.length; at += PIECE_BYTES) {
    const end = Math.min(at + PIECE_BYTES, all.length);
    gzip.push(all.subarray(at, end), end === all.length);
    // Lets a spinner turn.
    if ((at / PIECE_BYTES) % 16 === 15) await new Promise(setImmediate);
  }
  return out;
}
