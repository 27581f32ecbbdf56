/**
 * `release.json`: what a release is made of (docs/internals/release-format.md). Canonical JSON, so that the same
 * release has the same bytes and therefore the same releaseId on every machine.
 */

import { createHash } from "node:crypto";
import { TsugiError } from "../contract/errors.ts";
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
  let json: Partial<Manifest> | null;
  try {
    json = JSON.parse(bytes) as Partial<Manifest> | null;
  } catch (cause) {
    throw new TsugiError("TSUGI_MANIFEST_INVALID", { where, problem: "not JSON" }, { cause });
  }
  const bad = (problem: string) => new TsugiError("TSUGI_MANIFEST_INVALID", { where, problem });
  if (json === null || typeof json !== "object") throw bad("not an object");
  if (json.format !== MANIFEST_FORMAT) {
    throw new TsugiError("TSUGI_FORMAT_UNKNOWN", {
      what: where,
      found: JSON.stringify(json.format ?? null),
      expected: MANIFEST_FORMAT,
    });
  }
  for (const key of ["name", "version", "kind"] as const) {
    if (typeof json[key] !== "string") throw bad(`"${key}" is not a string`);
  }
  if (!isAppName(json.name)) throw bad(`"name" is not a file name`);
  if (!isVersionName(json.version)) throw bad(`"version" is not a file name`);
  for (const key of ["components", "processes", "states", "files"] as const) {
    if (!Array.isArray(json[key])) throw bad(`"${key}" is not a list`);
  }
  for (const key of ["runtime", "tsugi"] as const) {
    const dir = json[key]?.dir;
    if (typeof dir !== "string" || !/^[A-Za-z0-9][A-Za-z0-9._+-]*$/.test(dir)) {
      throw bad(`"${key}.dir" is not a folder name`);
    }
  }
  const part = partProblem(json as Manifest);
  if (part) throw bad(part);
  for (const file of json.files!) {
    const problem = fileProblem(file);
    if (problem) throw bad(`file ${JSON.stringify(file?.path ?? null)}: ${problem}`);
  }
  return json as Manifest;
}

/** The parts that a plan and a supervisor read. */
function partProblem({ components, processes, states, runtime, tsugi }: Manifest) {
  const areTexts = (part: unknown, ...keys: string[]) =>
    part !== null &&
    typeof part === "object" &&
    keys.every((key) => typeof Reflect.get(part, key) === "string");
  if (!areTexts(runtime, "version", "platform") || !areTexts(tsugi, "version")) {
    return "a version of the runtime or of tsugi is missing";
  }
  for (const component of components) {
    if (!areTexts(component, "name", "hash")) return "a component has no name or no hash";
  }
  for (const process of processes) {
    if (!areTexts(process, "name", "entry")) return "a process has no name or no entry";
    const { name, swap, workers } = process;
    if (swap !== undefined && typeof swap !== "string") {
      return `process ${JSON.stringify(name)}: "swap" is not a string`;
    }
    if (workers !== "max" && !(Number.isSafeInteger(workers) && workers > 0)) {
      return `process ${JSON.stringify(name)}: workers is neither a number nor "max"`;
    }
  }
  for (const state of states) {
    if (!areTexts(state, "name")) return "a state has no name";
    const { name, upgradesFrom, downgradesFrom } = state;
    if (!Array.isArray(upgradesFrom) || !Array.isArray(downgradesFrom)) {
      return `state ${JSON.stringify(name)}: its steps are no lists`;
    }
  }
  return undefined;
}

function fileProblem(file: Partial<ManifestFile> | null): string | undefined {
  if (file === null || typeof file !== "object" || typeof file.path !== "string") return "no path";
  if (!isSafePath(file.path)) return "path leaves the tree";
  if (!Number.isInteger(file.mode) || file.mode! < 0) return "mode is not a number";
  if (!Number.isSafeInteger(file.size) || file.size! < 0) return "size is not a number";
  if (!isSha256(file.sha256)) return "sha256 is not 64 hex digits";
  if (file.link !== undefined && !isSafeLink(file.path, file.link)) return "link leaves the tree";
  return undefined;
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
