/** Key files: the private one that `tsugi release --sign` takes, and the public line beside it. */
import { createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { basename, dirname, join } from "node:path";
import { messageOf, TsugiError } from "../contract/errors.ts";
import {
  formatTrustedKey,
  keyIdOf,
  parsePrivateKey,
  parseTrustedKeys,
  type TrustedKey,
} from "../release/signature.ts";

export interface PublicKey {
  id: string;
  /** The line of `etc/trusted_keys`. */
  line: string;
}

export interface NewKey extends PublicKey {
  file: string;
  publicFile: string;
}

/** Outside every project, so that nothing can pack or commit it. */
export const defaultKeyFile = (): string =>
  join(process.env.XDG_CONFIG_HOME || join(homedir(), ".config"), "tsugi", "release.key");

/** @throws TSUGI_KEY_EXISTS, TSUGI_KEY_INVALID */
export function createKeyFiles(file: string, comment = commentOf(file)): NewKey {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const publicFile = `${file}.pub`;
  const line = lineOf(publicKey, comment.replace(/\s+/g, " ").trim());
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const pem = privateKey.export({ format: "pem", type: "pkcs8" });
    writeFileSync(file, pem, { flag: "wx", mode: 0o600, flush: true });
    try {
      writeFileSync(publicFile, `${line}\n`, { flag: "wx", mode: 0o644, flush: true });
    } catch (error) {
      rmSync(file);
      throw error;
    }
  } catch (cause) {
    const { code, path } = cause as NodeJS.ErrnoException;
    if (code === "EEXIST") throw new TsugiError("TSUGI_KEY_EXISTS", { file: path ?? file });
    throw new TsugiError("TSUGI_KEY_INVALID", { file, problem: messageOf(cause) }, { cause });
  }
  return { id: keyIdOf(publicKey), line, file, publicFile };
}

const lineOf = (key: KeyObject, comment?: string) => formatTrustedKey(key, comment).trimEnd();

const commentOf = (file: string) => basename(file).replace(/\.key$/, "");

/** `-`: from stdin, so that it need not lie on a disk. @throws TSUGI_KEY_INVALID, TSUGI_ENV_EXPOSED */
export function readPrivateKey(file: string): KeyObject {
  const key = parsePrivateKey(readKeyText(file));
  if (key === undefined) {
    const problem = "expected an Ed25519 private key in PEM";
    throw new TsugiError("TSUGI_KEY_INVALID", { file, problem });
  }
  return key;
}

/** The public keys in a private key, a `.pub` or a `trusted_keys`. @throws TSUGI_KEY_INVALID */
export function readPublicKeys(file: string): PublicKey[] {
  const text = readKeyText(file);
  const privateKey = parsePrivateKey(text);
  if (privateKey !== undefined) {
    const key = createPublicKey(privateKey);
    return [{ id: keyIdOf(key), line: lineOf(key, commentOf(file)) }];
  }
  const keys = parseTrustedKeys(text);
  if ("keys" in keys) {
    return keys.keys.map(({ id, key, comment }) => ({ id, line: lineOf(key, comment) }));
  }
  const where = keys.line === undefined ? "" : `line ${keys.line}: `;
  throw new TsugiError("TSUGI_KEY_INVALID", { file, problem: `${where}${keys.problem}` });
}

/** The one key of a `.pub`. @throws TSUGI_KEY_INVALID */
export function readTrustedKey(file: string): TrustedKey {
  const trusted = parseTrustedKeys(readKeyText(file));
  const [key, second] = "keys" in trusted ? trusted.keys : [];
  if (key !== undefined && second === undefined) return key;
  throw new TsugiError("TSUGI_KEY_INVALID", { file, problem: "expected one public key" });
}

function readKeyText(file: string): string {
  try {
    if (file === "-") return readFileSync(0, "utf8");
    const text = readFileSync(file, "utf8");
    const mode = statSync(file).mode & 0o777;
    if (text.includes("PRIVATE KEY") && (mode & 0o077) !== 0) {
      const problem = `others can read it (mode ${mode.toString(8)}, expected 600)`;
      throw new TsugiError("TSUGI_KEY_INVALID", { file, problem });
    }
    return text;
  } catch (cause) {
    if (cause instanceof TsugiError) throw cause;
    throw new TsugiError("TSUGI_KEY_INVALID", { file, problem: messageOf(cause) }, { cause });
  }
}
