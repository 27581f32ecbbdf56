/**
 * `<app>.tar.gz` as a concatenation of gzip members, which is itself a valid gzip file:
 *
 *   ┌ release.json ┐┌ bin ┐┌ lib/<app>-<vsn> ┐┌ lib/packages-… ┐┌ … ┐┌ runtime/… ┐┌ end ┐
 *
 * Members that are the same from build to build (the runtime's 100 MB first of all) are compressed
 * once and kept. The deflate is fflate's, in JavaScript: zlib gives other bytes on other machines.
 */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Gzip } from "fflate";
import { END_MEMBER, END_OF_TAR_BYTES } from "../release/endOfTar.ts";
import { canonicalJson } from "../release/manifest.ts";
import { checked, groupOf, type PackedFile, type PackedGroup, readSource } from "./fileSet.ts";
import { forgetMember, type KeptMember, keptMember } from "./keptMembers.ts";
import { type BuildLog, silentLog } from "./log.ts";
import { PLAIN_HEADER, tarBytes } from "./tarBytes.ts";

/** Part of the name of a kept member: another one starts afresh. */
const MEMBER_FORMAT = 1;
const LEVEL = 6;
/** The compressor is fed pieces of one size, since its output depends on them. */
const PIECE_BYTES = 1 << 18;
const READ = { highWaterMark: 1 << 20 };

/** @returns its SHA-256. `first`: release.json (and its signature); the groups follow in the order of their paths. */
export async function writeTarball(
  target: string,
  first: PackedFile[],
  groups: PackedGroup[],
  log: BuildLog = silentLog,
): Promise<string> {
  const ordered = groups
    .filter(({ files }) => files.length > 0)
    .sort((a, b) => (a.files[0]!.path < b.files[0]!.path ? -1 : 1));
  const members = async function* () {
    yield* await packMember(first);
    for (const group of ordered) {
      if (group.stable) yield* createReadStream((await keptGroup(group, log)).path, READ);
      else yield* await compress(await tarOf(group));
    }
    yield END_MEMBER;
  };
  const hash = createHash("sha256");
  const hashed = async function* () {
    for await (const chunk of members()) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(hashed, createWriteStream(target));
  return hash.digest("hex");
}

/** Manifest and signature, as they stand in front. */
export const packMember = async (files: PackedFile[]): Promise<Uint8Array[]> =>
  compress(await tarOf(groupOf(files)));

const memberKey = ({ entries }: PackedGroup): string =>
  `${MEMBER_FORMAT}/${LEVEL}\n${canonicalJson(entries)}`;

/** They are compressed anew the next time. */
export async function forgetMembers(groups: readonly PackedGroup[]): Promise<void> {
  for (const group of groups) await forgetMember(memberKey(group));
}

function keptGroup(group: PackedGroup, log: BuildLog): Promise<KeptMember> {
  return keptMember(memberKey(group), async () => {
    const folder = group.files[0]!.path.split("/").slice(0, 2).join("/");
    log.step(`Compressing ${folder}, once`);
    return compress(await tarOf(group));
  });
}

/** Tar entries without the end-of-archive blocks. */
async function tarOf({ files, entries }: PackedGroup): Promise<Uint8Array> {
  const whole = await tarBytes((tar) => {
    for (const [index, file] of files.entries()) {
      const bytes = checked(readSource(file.source), file, entries[index]!);
      const header = { ...PLAIN_HEADER, name: file.path, mode: file.mode };
      if ("link" in file.source) {
        tar.entry({ ...header, type: "symlink", linkname: file.source.link });
      } else {
        const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
        tar.entry({ ...header, type: "file" }, body);
      }
    }
  });
  return whole.subarray(0, whole.length - END_OF_TAR_BYTES);
}

/** As gzip: the same bytes on every machine. */
export async function compress(all: Uint8Array): Promise<Uint8Array[]> {
  const out: Uint8Array[] = [];
  const gzip = new Gzip({ level: LEVEL, mtime: 0 }, (chunk) => out.push(chunk));
  for (let at = 0; at < all.length; at += PIECE_BYTES) {
    const end = Math.min(at + PIECE_BYTES, all.length);
    gzip.push(all.subarray(at, end), end === all.length);
    // Lets a spinner turn.
    if ((at / PIECE_BYTES) % 16 === 15) await new Promise(setImmediate);
  }
  return out;
}
