/**
 * What must not be in a release (DESIGN §2, promise 4). `.env` files are left out and said where
 * they go; a private key is an error, unless `secrets.allow` names the file and why.
 */
import { readdirSync } from "node:fs";
import { basename } from "node:path";
import { TsugiError } from "../errors.ts";
import { type PackedFile, readSource } from "./fileSet.ts";
import type { BuildReport } from "./report.ts";

export const isEnvFile = (path: string): boolean => /^\.env($|\..+)/.test(basename(path));

const isExample = (path: string) => /\.(example|sample|template|dist|defaults?)$/.test(path);

/** Said of the files by name; whatever else they hold is told by their bytes. */
const KEY_NAME = /(^|\/)(id_(rsa|dsa|ecdsa|ed25519)|.*\.(pem|key|p12|pfx|jks|keystore|ppk))$/;
const KEY_BYTES = /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s+[A-Za-z0-9+/=]{16}/;
const BINARY_STORE = /\.(p12|pfx|jks|keystore)$/;
/** A key is short: what is larger is not read for one. */
const MAX_BYTES = 1 << 20;

/**
 * The project's own files without its `.env` files. `project`: a folder whose `.env` files are
 * spoken of even where nothing would have packed them. @throws TSUGI_SECRET_FOUND
 */
export function withoutSecrets(
  files: PackedFile[],
  allow: { file: string; reason: string }[],
  report: BuildReport,
  project?: string,
): PackedFile[] {
  const kept = files.filter(({ path }) => !isEnvFile(path));
  const offered = new Set([
    ...(project ? readdirSync(project) : []),
    ...files.map(({ path }) => path),
  ]);
  for (const path of [...offered].sort()) {
    if (isEnvFile(path) && !isExample(path)) {
      report.note(
        `${path} is not packed: on the host its variables go into <root>/etc/env (mode 0600).`,
      );
    }
  }
  const allowed = new Set(allow.map(({ file }) => file.replace(/^\.\//, "")));
  for (const file of kept) {
    const what = allowed.has(file.path) ? undefined : secretIn(file);
    if (what !== undefined) throw new TsugiError("TSUGI_SECRET_FOUND", { file: file.path, what });
  }
  return kept;
}

function secretIn({ path, source }: PackedFile): string | undefined {
  if (BINARY_STORE.test(path)) return "a key store";
  if ("link" in source) return undefined;
  const bytes = readSource(source);
  if (bytes.length > MAX_BYTES || !KEY_BYTES.test(Buffer.from(bytes).toString("latin1")))
    return undefined;
  return KEY_NAME.test(path) ? "a private key" : "the text of a private key";
}
