/**
 * Signatures of releases: Ed25519 over the manifest's bytes, which name every file by SHA-256.
 *
 *   releases/<vsn>/release.json.sig   one line: <key id> <signature, base64>
 *   etc/trusted_keys                  one key a line: ed25519 <public key, 32 bytes, base64> [comment]
 *                                     not-before [<app>] <version>: nothing older comes in
 *
 * The key id is the first 16 hex digits of the SHA-256 of the public key's 32 bytes.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { sha256 } from "./manifest.ts";

export interface TrustedKey {
  id: string;
  key: KeyObject;
  comment: string;
}

/** The oldest version of an app, or of all, that is taken. */
export interface Floor {
  app: string | undefined;
  version: string;
}

/** What `etc/trusted_keys` says. */
export interface Trusted {
  keys: TrustedKey[];
  floors: Floor[];
}

/**
 * Points of small order, the last bit of x left out: for such a key there are signatures that fit any
 * text, and not every OpenSSL refuses them.
 */
const SMALL_ORDER = new Set([
  "0".repeat(64),
  `01${"0".repeat(62)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  `ec${"f".repeat(60)}7f`,
  `ed${"f".repeat(60)}7f`,
  `ee${"f".repeat(60)}7f`,
]);

function isOfSmallOrder(raw: Uint8Array): boolean {
  const y = Buffer.from(raw);
  y[31]! &= 0x7f;
  return SMALL_ORDER.has(y.toString("hex"));
}

/** What stands before the 32 bytes of an Ed25519 public key in its DER (SPKI) form. */
const SPKI_PREFIX = Buffer.from("302a300506032b6570032100", "hex");

const SIGNATURE = /^([0-9a-f]{16}) ([A-Za-z0-9+/=]+)\n?$/;

const rawPublicKey = (key: KeyObject): Buffer =>
  Buffer.from(key.export({ format: "der", type: "spki" })).subarray(SPKI_PREFIX.length);

export const keyIdOf = (publicKey: KeyObject): string =>
  sha256(rawPublicKey(publicKey)).slice(0, 16);

/** The line of `etc/trusted_keys` for a public key. */
export const formatTrustedKey = (publicKey: KeyObject, comment = ""): string =>
  `ed25519 ${rawPublicKey(publicKey).toString("base64")}${comment === "" ? "" : ` ${comment}`}\n`;

/** What is wrong with a file of keys. Nothing is trusted by a file that is not right as a whole. */
export interface KeysProblem {
  /** Absent where it is the file as a whole. */
  line?: number;
  problem: string;
}

/** @returns the keys, at least one, or the first fault */
export function parseTrustedKeys(text: string): Trusted | KeysProblem {
  const keys: TrustedKey[] = [];
  const floors: Floor[] = [];
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [algorithm, encoded = "", ...comment] = line.trim().split(/\s+/);
    if (algorithm === "not-before") {
      const floor = floorOf([encoded, ...comment]);
      if (floor !== undefined) floors.push(floor);
      else return { line: index + 1, problem: "expected: not-before [<app>] <version>" };
      continue;
    }
    const raw = Buffer.from(encoded, "base64");
    // Node's decoder skips what is not base64; a key with a slip of the pen is none.
    const isExact = raw.length === 32 && raw.toString("base64") === encoded;
    if (algorithm !== "ed25519" || !isExact) {
      return { line: index + 1, problem: "expected: ed25519 <32 bytes in base64> [comment]" };
    }
    if (isOfSmallOrder(raw)) {
      return { line: index + 1, problem: "a key that fits every signature is none" };
    }
    const key = createPublicKey({
      key: Buffer.concat([SPKI_PREFIX, raw]),
      format: "der",
      type: "spki",
    });
    keys.push({ id: keyIdOf(key), key, comment: comment.join(" ") });
  }
  return keys.length > 0
    ? { keys, floors }
    : { problem: "it has no key, so no release is trusted" };
}

function floorOf(words: string[]): Floor | undefined {
  const version = words.at(-1) ?? "";
  const app = words.length === 2 ? words[0] : undefined;
  const isRight = words.length <= 2 && /^\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?$/.test(version);
  return isRight ? { app, version } : undefined;
}

/** @returns the key of a PEM file, or undefined where it is no Ed25519 key */
export function parsePrivateKey(pem: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(pem);
    return key.asymmetricKeyType === "ed25519" ? key : undefined;
  } catch {
    return undefined;
  }
}

/** The text of a `.sig`. */
export function signManifest(bytes: string, privateKey: KeyObject): string {
  const id = keyIdOf(createPublicKey(privateKey));
  return formatSignature(id, sign(null, Buffer.from(bytes), privateKey).toString("base64"));
}

export const formatSignature = (id: string, base64: string): string => `${id} ${base64}\n`;

/** Who says to have signed; nothing is checked. */
export const signerOf = (signature: string): string | undefined => SIGNATURE.exec(signature)?.[1];

/** Of two signers: whose signature goes where the other one's takes its place. @returns undefined where it is the same key's, or none */
export const replacedSigner = (
  before: string | null | undefined,
  now: string | null | undefined,
): string | undefined => (before && now && before !== now ? before : undefined);

/** @returns what is wrong with the signature, or undefined when a trusted key made it */
export function signatureProblem(
  bytes: string,
  signature: string | undefined,
  keys: readonly TrustedKey[],
): string | undefined {
  if (signature === undefined) return "it is not signed";
  const match = SIGNATURE.exec(signature);
  if (!match) return "the .sig file is not a signature";
  const trusted = keys.find((key) => key.id === match[1]);
  if (trusted === undefined) return `key ${match[1]} is not trusted here`;
  const good = verify(null, Buffer.from(bytes), trusted.key, Buffer.from(match[2]!, "base64"));
  return good ? undefined : `it does not fit the manifest (key ${match[1]})`;
}
