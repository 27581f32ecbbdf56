/**
 * Signing as a step of its own, where no dependency's code runs: of a tarball that was built somewhere
 * else, or of a release in a store. What is signed is the manifest; the files are held against it first.
 * A tarball comes out with the bytes that `tsugi release --sign` would have given it.
 */
import { spawnSync } from "node:child_process";
import type { KeyObject } from "node:crypto";
import {
  createReadStream,
  createWriteStream,
  existsSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { chmod, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Gunzip } from "fflate";
import { messageOf, TsugiError } from "../contract/errors.ts";
import {
  formatSignature,
  signatureProblem,
  signManifest,
  type TrustedKey,
} from "../release/signature.ts";
import { textFile } from "./fileSet.ts";
import { packMember } from "./tarball.ts";

/** @returns the text of a `.sig` */
export type Sign = (manifestBytes: string) => string;

export const signWith =
  (key: KeyObject): Sign =>
  (manifestBytes) =>
    signManifest(manifestBytes, key);

/**
 * A program that has the key, as an agent or a token does: it gets the bytes on stdin and prints their Ed25519
 * signature, 64 bytes in base64. What it says has to fit the public key.
 */
export const signByProgram =
  (program: string, publicKey: TrustedKey): Sign =>
  (manifestBytes) => {
    const refuse = (problem: string) =>
      new TsugiError("TSUGI_KEY_INVALID", { file: program, problem });
    const said = spawnSync(program, [], {
      input: manifestBytes,
      encoding: "utf8",
      timeout: 120_000,
    });
    if (said.error !== undefined) throw refuse(messageOf(said.error));
    if (said.status !== 0)
      throw refuse(`it ended with ${said.status ?? said.signal}: ${said.stderr.trim()}`);
    const signature = formatSignature(publicKey.id, said.stdout.trim());
    const problem = signatureProblem(manifestBytes, signature, [publicKey]);
    if (problem !== undefined)
      throw refuse(`what it printed is no signature of that key: ${problem}`);
    return signature;
  };

/** In its place, whole or not at all; what lies beside it in a build's tree gets the signature too. */
export async function signTarball(path: string, sign: Sign): Promise<string> {
  const unreadable = (problem: string) =>
    new TsugiError("TSUGI_RELEASE_UNREADABLE", { place: path, problem });
  const { member, end } = await firstMember(path);
  const first = entriesOf(member);
  const manifest = first?.[0];
  if (manifest === undefined || first!.length > 2) {
    throw unreadable("it was not packed by tsugi: manifest and signature are not alone in front");
  }
  const signature = sign(manifest.text);
  const files = [
    textFile(manifest.path, manifest.text),
    textFile(`${manifest.path}.sig`, signature),
  ];
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const rest = createReadStream(path, { start: end, highWaterMark: 1 << 20 });
    const bytes = Readable.from(concatenated(await packMember(files), rest));
    await pipeline(bytes, createWriteStream(temporary, { flags: "wx" }));
    await chmod(temporary, (await stat(path)).mode & 0o777);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  const beside = join(dirname(path), "release.json");
  if (existsSync(beside) && readFileSync(beside, "utf8") === manifest.text) {
    writeFileSync(`${beside}.sig`, signature);
  }
  return signature;
}

async function* concatenated(first: Uint8Array[], rest: AsyncIterable<Uint8Array>) {
  yield* first;
  yield* rest;
}

/** Where the second member begins, and what is in the first. */
async function firstMember(path: string): Promise<{ member: Buffer; end: number }> {
  const chunks: Uint8Array[] = [];
  let end: number | undefined;
  const gunzip = new Gunzip((chunk) => {
    if (end === undefined) chunks.push(chunk);
  });
  gunzip.onmember = (at) => {
    end ??= at;
  };
  const file = await open(path, "r");
  try {
    for await (const chunk of file.createReadStream({ highWaterMark: 1 << 16, autoClose: false })) {
      gunzip.push(new Uint8Array(chunk as Buffer));
      if (end !== undefined) return { member: Buffer.concat(chunks), end };
    }
  } catch (error) {
    throw new TsugiError("TSUGI_RELEASE_UNREADABLE", { place: path, problem: messageOf(error) });
  } finally {
    await file.close();
  }
  throw new TsugiError("TSUGI_RELEASE_UNREADABLE", {
    place: path,
    problem: "it was not packed by tsugi: it is all in one",
  });
}

/** Undefined for anything but plain entries up to the very end. */
function entriesOf(tar: Buffer): { path: string; text: string }[] | undefined {
  const entries: { path: string; text: string }[] = [];
  for (let at = 0; at < tar.length; ) {
    const path = tar.toString("utf8", at, at + 100).split("\0")[0]!;
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 136), 8);
    const isPlain =
      tar.toString("latin1", at + 156, at + 157) === "0" && Number.isSafeInteger(size);
    if (!isPlain || !/^releases\/[^/]+\/release\.json(\.sig)?$/.test(path)) return undefined;
    entries.push({ path, text: tar.toString("utf8", at + 512, at + 512 + size) });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return entries;
}
