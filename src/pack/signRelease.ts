/**
 * Signing as a step of its own, where no dependency's code runs: of a tarball that was built somewhere
 * else, or of a release in a store. What is signed is the manifest; the files are held against it first.
 * A tarball comes out with the bytes that `tsugi release --sign` would have given it.
 */
import { spawnSync } from "node:child_process";
import type { KeyObject } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { chmod, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { messageOf, TsugiError } from "../contract/errors.ts";
import { readTar } from "../handler/tar.ts";
import { END_OF_TAR_BYTES } from "../release/endOfTar.ts";
import {
  formatSignature,
  signatureProblem,
  signManifest,
  type TrustedKey,
} from "../release/signature.ts";
import { textFile } from "./fileSet.ts";
import { memberAt } from "./members.ts";
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
  const tarball = await readFile(path);
  const { manifest, end } = await headOf(tarball, path);
  const signature = sign(manifest.text);
  const head = await packMember([
    textFile(manifest.path, manifest.text),
    textFile(`${manifest.path}.sig`, signature),
  ]);
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const mode = (await stat(path)).mode & 0o777;
    await writeFile(temporary, [...head, tarball.subarray(end)], { flag: "wx" });
    await chmod(temporary, mode);
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

/** What is in the first member, and where the second one begins. */
async function headOf(tarball: Buffer, place: string) {
  const foreign = (problem: string) =>
    new TsugiError("TSUGI_RELEASE_UNREADABLE", {
      place,
      problem: `it was not packed by tsugi: ${problem}`,
    });
  const member = memberAt(tarball, 0, place);
  if (member === undefined || member.end === tarball.length) throw foreign("it is all in one");
  const [manifest, ...others] = await filesIn(member.unpacked).catch(() => []);
  if (manifest === undefined || others.length > 1) {
    throw foreign("manifest and signature are not alone in front");
  }
  return { manifest, end: member.end };
}

/** @throws for anything else than a manifest and its signature */
async function filesIn(tar: Buffer): Promise<{ path: string; text: string }[]> {
  const found: { path: string; text: string }[] = [];
  const whole = Readable.from([tar, Buffer.alloc(END_OF_TAR_BYTES)]);
  for await (const { path, type, body } of readTar(whole)) {
    const isOurs = type === "file" && /^releases\/[^/]+\/release\.json(\.sig)?$/.test(path);
    if (!isOurs) throw new Error(path);
    found.push({ path, text: (await buffer(body)).toString("utf8") });
  }
  return found;
}
