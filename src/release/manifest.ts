/**
 * `release.json`: what a release is made of (docs/internals/release-format.md). Canonical JSON, so that the same
 * release has the same bytes and therefore the same releaseId on every machine.
 */

import { createHash } from "node:crypto";
import { CHECKS, Check, type Expected, isRecord, mismatch } from "../contract/checks.ts";
import { checkFormat, TsugiError } from "../contract/errors.ts";
import type { Appup } from "./appup.ts";
import { isAppName, isVersionName } from "./names.ts";

export const MANIFEST_FORMAT = 1;

/** One file of the tarball. `mode` is the numeric permission (0o644 = 420). */
export interface ManifestFile {
  path: string;
  mode: number;
  size: number;
  sha256: string;
  /** Only for a symbolic link: its target, relative and inside the tree; `sha256` is the target's. */
  link?: string;
}

/** A component the relup compares; `hash` covers its files (path, mode, bytes). */
export interface ManifestComponent {
  /** `app` (code), `static`, `packages`, `config`, `nodeArgs`, `bin` */
  name: string;
  version?: string;
  /** Relative to the root, absent for a single file. */
  dir?: string;
  hash: string;
  /** Of a BEAM release: an application of the project itself. */
  own?: boolean;
}

export interface ManifestProcess {
  name: string;
  /** Relative to `lib/<app>-<vsn>`. */
  entry: string;
  /** The entry in the form that can be replaced in the running process; beside the entry. */
  swap?: string;
  /** Its code listens, as far as can be read: being alive is no start of it yet. */
  listens?: true;
  workers: number | "max";
  /** false: never two generations at once. */
  overlap: boolean;
  /** Arguments of the entry. */
  args?: string[];
  /** What it finds in its environment where the host says nothing else. */
  env?: Record<string, string>;
}

/** A `hot.state` found in the sources; `dynamic` where the options are not literals. */
export interface ManifestState {
  name: string;
  version: number;
  upgradesFrom: number[];
  downgradesFrom: number[];
  dynamic?: boolean;
}

export interface Manifest {
  format: typeof MANIFEST_FORMAT;
  name: string;
  version: string;
  kind: "node" | "beam";
  runtime: {
    /** Folder name below `runtime/`. */
    dir: string;
    /** Node's (or OTP's) version. */
    version: string;
    /** `linux-x64`, `linux-arm64`, `linux-x64-musl`, `darwin-arm64` … */
    platform: string;
  };
  tsugi: { dir: string; version: string };
  components: ManifestComponent[];
  processes: ManifestProcess[];
  states: ManifestState[];
  /** The application imports `tsugi/hot`. */
  usesHot: boolean;
  /** The application calls `hot.accept()`. */
  accepts: boolean;
  /** The application has workers of its own (node:cluster): it is upgraded without carrying. */
  forks?: boolean;
  /** What it says about getting to and from its other versions. */
  appup?: Appup;
  /** How the application was built; only `compile` and `bundle` can be swapped. */
  build: "compile" | "own" | "bundle" | "mix" | "otp";
  files: ManifestFile[];
}

/** Processes, states and components have a name that no other of their kind has. */
export const named = <T extends { name: string }>(
  items: readonly T[],
  name: string,
): T | undefined => items.find((item) => item.name === name);

/** Sorted keys, two-space indent, a final newline: stable bytes that a person can read. */
export function canonicalJson(value: unknown): string {
  return `${JSON.stringify(sortKeys(value), null, 2)}\n`;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (value === null || typeof value !== "object") return value;
  const sorted = Object.entries(value)
    .filter(([, item]) => item !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, item]) => [key, sortKeys(item)] as const);
  return Object.fromEntries(sorted);
}

/** More is no manifest. */
export const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;

export const sha256 = (bytes: string | Uint8Array): string =>
  createHash("sha256").update(bytes).digest("hex");

export const releaseIdOf = (manifestBytes: string | Uint8Array): string => sha256(manifestBytes);

/** The hash of a set of files, whatever folder they stand in: for components and `packages-<hash8>`. */
export function hashFiles(files: readonly ManifestFile[], below = ""): string {
  const hash = createHash("sha256");
  const prefix = below === "" ? "" : `${below}/`;
  for (const file of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    if (!file.path.startsWith(prefix)) continue;
    hash.update(`${file.path.slice(prefix.length)}\0${file.mode}\0${file.sha256}\n`);
  }
  return hash.digest("hex");
}

/**
 * Parses and checks the shape of a manifest; unknown keys are ignored, an unknown `format` refused.
 * @throws TSUGI_FORMAT_UNKNOWN, TSUGI_MANIFEST_INVALID
 */
export function parseManifest(bytes: string, where: string): Manifest {
  let json: unknown;
  try {
    json = JSON.parse(bytes);
  } catch (cause) {
    throw new TsugiError("TSUGI_MANIFEST_INVALID", { where, problem: "not JSON" }, { cause });
  }
  const bad = (problem: string) => new TsugiError("TSUGI_MANIFEST_INVALID", { where, problem });
  if (!isRecord(json)) throw bad("not an object");
  checkFormat(json, MANIFEST_FORMAT, where);
  const problem = mismatch(json, EXPECTED) ?? firstUnsafeLink(json as unknown as Manifest);
  if (problem) throw bad(problem);
  return json as unknown as Manifest;
}

const FOLDER = new Check(
  "a folder name",
  (value) => typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(value),
);
const WORKERS = new Check(
  'a positive whole number or "max"',
  (value) => value === "max" || CHECKS["a positive whole number"](value),
);
/** A SHA-256. */
export const SHA256 = new Check("64 hex digits", isSha256);

/** What a plan, a supervisor and an unpack read. */
const EXPECTED: Expected = {
  name: new Check("a file name", isAppName),
  version: new Check("a file name", isVersionName),
  kind: "a text",
  runtime: { dir: FOLDER, version: "a text", platform: "a text" },
  tsugi: { dir: FOLDER, version: "a text" },
  components: [{ name: "a text", hash: "a text" }],
  processes: [{ name: "a text", entry: "a text", "swap?": "a text", workers: WORKERS }],
  states: [{ name: "a text", upgradesFrom: "a list", downgradesFrom: "a list" }],
  files: [
    {
      path: new Check("a path in the tree", (path) => typeof path === "string" && isSafePath(path)),
      mode: "a whole number",
      size: "a whole number",
      sha256: SHA256,
    },
  ],
};

function firstUnsafeLink({ files }: Manifest): string | undefined {
  const unsafe = files.find(({ path, link }) => link !== undefined && !isSafeLink(path, link));
  return unsafe && `the link ${JSON.stringify(unsafe.path)} leaves the tree`;
}

/** 64 hex digits, as a text: a list with one in it is not the same where hashes are compared. */
export function isSha256(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

/** A relative path below the root with no empty, `.` or `..` part and no backslash or NUL. */
export function isSafePath(path: string): boolean {
  if (path === "" || path.startsWith("/") || /[\\\0]/.test(path)) return false;
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

/** A link target is safe when it is relative and, taken from the link's folder, stays in the tree. */
export function isSafeLink(path: string, target: unknown): boolean {
  if (
    typeof target !== "string" ||
    target === "" ||
    target.startsWith("/") ||
    /[\\\0]/.test(target)
  )
    return false;
  let depth = path.split("/").length - 1;
  for (const part of target.split("/")) {
    if (part === "..") depth -= 1;
    else if (part !== "." && part !== "") depth += 1;
    if (depth < 0) return false;
  }
  return true;
}
