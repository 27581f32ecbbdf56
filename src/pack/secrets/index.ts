/**
 * What must not be in a release (docs/internals/design.md, promise 4). `.env` files are left out, and it is said
 * where they go. All else that is packed of the project is searched, its packages and settings too:
 * for files that are credentials (rules.ts), for what has the form of a secret (rules.ts), and for
 * values that are known to be secret (known.ts). A finding is an error, unless `secrets.allow`
 * says why it is none.
 */
import { existsSync, readdirSync } from "node:fs";
import { basename } from "node:path";
import { TsugiError } from "../../contract/errors.ts";
import { sha256 } from "../../release/manifest.ts";
import { cachePath, touch, writeWhole } from "../cache.ts";
import { type PackedFile, readSource } from "../fileSet.ts";
import { compileGlob } from "../glob.ts";
import type { BuildLog } from "../log.ts";
import { knownSecrets } from "./known.ts";
import { publishedAmong } from "./published.ts";
import { type Finding, type Needle, needlesOf, RULES_VERSION, scanFile } from "./scan.ts";

/** What editors leave beside a file is that file: `.env~`, `#.env#`, `.#.env`. */
const withoutEditor = (name: string): string =>
  name.replace(/^(?:\.?#)/, "").replace(/(?:~|#|\.sw[a-z])$/, "");

export const isEnvFile = (path: string): boolean =>
  /^\.env($|rc$|\..+)/.test(withoutEditor(basename(path)));

const isBackup = (path: string): boolean =>
  /^\.?#|~$|^#.*#$|\.sw[op]$/.test(basename(path)) && !isEnvFile(path);

const isExample = (path: string) => /\.(example|sample|template|dist|defaults?)$/.test(path);

/** `project`: a folder whose `.env` files are spoken of even where nothing would have packed them. */
export function withoutEnvFiles(
  files: PackedFile[],
  log: BuildLog,
  project?: string,
): PackedFile[] {
  const offered = new Set([
    ...(project ? readdirSync(project) : []),
    ...files.map(({ path }) => path),
  ]);
  for (const path of [...offered].sort()) {
    if (isEnvFile(path) && !isExample(path)) {
      log.note(
        `${path} is not packed: on the host its variables go into <root>/etc/env (mode 0600).`,
      );
    }
  }
  for (const { path } of files) {
    if (isBackup(path)) log.note(`${path} is not packed: it is what an editor has left.`);
  }
  return files.filter(({ path }) => !isEnvFile(path) && !isBackup(path));
}

interface SecretsRequest {
  /** The project's own files and settings, by their path in the project. */
  own: PackedFile[];
  packages: PackedFile[];
  /** Of the packages: what was searched once is not searched again. */
  packagesHash?: string;
  /** Where `.env` and `.npmrc` are looked for. */
  project: string;
  allow: { file: string; reason: string }[];
  /** An entry of `allow` that allows nothing is spoken of. */
  tellsUnused?: boolean;
}

/** @throws TSUGI_SECRET_FOUND */
export async function refuseSecrets(request: SecretsRequest, log: BuildLog): Promise<void> {
  const { own, packages, packagesHash, project, allow, tellsUnused = true } = request;
  const needles = needlesOf(knownSecrets(project));
  const found = scan(own, false, needles);
  for (const { path: file } of own.filter(({ path }) => isEnvFile(path) && !isExample(path))) {
    const what = "variables that belong into <root>/etc/env";
    found.push({ file, line: 1, what, fingerprint: `file ${file}` });
  }
  const inPackages = await scanPackages(packages, packagesHash, needles);
  found.push(...withoutPublished(inPackages, packages, log));
  const { refused, unused } = withoutAllowed(found, allow);
  for (const { file } of tellsUnused ? unused : []) {
    log.warn(`secrets.allow: ${file} holds nothing that would be refused; take it out.`);
  }
  if (refused.length === 0) return;
  throw new TsugiError("TSUGI_SECRET_FOUND", { places: list(refused), file: refused[0]!.file });
}

/** What a build would refuse of the project's own files, before `secrets.allow` has its say. */
export const secretsIn = (files: PackedFile[], project: string): Finding[] =>
  scan(files, false, needlesOf(knownSecrets(project)));

function scan(files: PackedFile[], isPackage: boolean, needles: readonly Needle[]): Finding[] {
  const found: Finding[] = [];
  for (const { path, source } of files) {
    if ("link" in source) continue;
    found.push(...scanFile({ path, bytes: readSource(source), isPackage }, needles));
  }
  return found;
}

/** Only that nothing was found is kept: a finding never stands in a file. */
async function scanPackages(
  files: PackedFile[],
  hash: string | undefined,
  needles: readonly Needle[],
): Promise<Finding[]> {
  if (hash === undefined) return scan(files, true, needles);
  const prints = needles.map(({ fingerprint }) => fingerprint).sort();
  const key = sha256([RULES_VERSION, hash, ...prints].join("\n"));
  const kept = cachePath("scans", key);
  if (existsSync(kept)) {
    await touch(kept);
    return [];
  }
  const found = scan(files, true, needles);
  if (found.length === 0) await writeWhole(kept, "");
  return found;
}

/** What everybody has who installs a package is no secret of this project, and is only spoken of. */
function withoutPublished(found: Finding[], packages: PackedFile[], log: BuildLog): Finding[] {
  const isPublished = publishedAmong(packages);
  const isTheirs = ({ file, isKnown }: Finding) => isKnown !== true && isPublished(file);
  const theirs = found.filter(isTheirs);
  if (theirs.length > 0) {
    log.note(`Published with a package, and so no secret of yours:\n  ${list(theirs)}`);
  }
  return found.filter((one) => !isTheirs(one));
}

/** What is said to be no secret in one place is none in another: a source and what became of it. */
function withoutAllowed(found: Finding[], allow: SecretsRequest["allow"]) {
  const none = new Set<string>();
  const unused = allow.filter(({ file }) => {
    const path = file.replace(/^\.\//, "");
    const matches = compileGlob(path);
    const allowed = found.filter((one) => one.file === path || matches(one.file));
    for (const { fingerprint } of allowed) none.add(fingerprint);
    return allowed.length === 0;
  });
  return { refused: found.filter(({ fingerprint }) => !none.has(fingerprint)), unused };
}

const MAX_LISTED = 20;

function list(findings: Finding[]): string {
  const lines = [
    ...new Set(findings.map(({ file, line, what }) => `${file}:${line} holds ${what}`)),
  ].sort();
  const more = lines.length - MAX_LISTED;
  return [...lines.slice(0, MAX_LISTED), ...(more > 0 ? [`and ${more} more`] : [])].join("\n  ");
}
