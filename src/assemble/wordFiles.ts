/**
 * Files that only an argument or a variable of the start script names: no code does, so nothing else
 * would find them.
 *
 *   CONF_DIR=./conf node dist/server.js --config=conf/prod.json
 *
 * A file is packed, of a folder what `npm pack` would take. What would be a secret, and what the app is
 * likely to write, is said instead.
 */
import { existsSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileAt, type PackedFile } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import type { Project } from "../pack/project.ts";
import { isEnvFile, secretsIn } from "../pack/secrets/index.ts";
import { tidy } from "./entry.ts";
import { packedFiles } from "./packedFiles.ts";
import { reachedFiles } from "./reached.ts";
import type { ProcessDecision } from "./request.ts";

export interface WordFilesRequest {
  processes: Pick<ProcessDecision, "args" | "env">[];
  shared: readonly string[];
  /** What is packed already, by path. */
  known: ReadonlyMap<string, unknown>;
}

export async function wordFiles(
  project: Project,
  { processes, shared, known }: WordFilesRequest,
  log: BuildLog,
): Promise<PackedFile[]> {
  const { folder } = project;
  const found: PackedFile[] = [];
  for (const [path, word] of namedIn(folder, processes)) {
    const isKnown = known.has(path) || [...known.keys()].some((one) => one.startsWith(`${path}/`));
    if (isKnown || shared.some((name) => tidy(name) === path) || isEnvFile(path)) continue;
    const isFolder = statSync(join(folder, path)).isDirectory();
    const paths = isFolder ? await takenBelow(folder, path) : [path];
    const files = paths.map((one) => fileAt(one, join(folder, one)));
    const why = isFolder && files.length === 0 ? "" : whyNot(files, folder);
    if (why !== undefined) {
      log.note(
        `${path}, which ${word} names, is not packed${why}. What the app reads there: files: ["${path}"] in tsugi.config.ts · what it writes: shared: ["${path}"] · else bring it to each host, and name its place there`,
      );
      continue;
    }
    log.guess("files", path, `${word} names it`);
    const code = isFolder ? [] : reachedFiles(folder, path).filter((one) => one !== path);
    found.push(...files, ...code.map((one) => fileAt(one, join(folder, one))));
  }
  return found;
}

function whyNot(files: PackedFile[], folder: string): string | undefined {
  if (files.some(({ path }) => WRITTEN.test(path))) return ": it looks like what an app writes";
  const [secret] = secretsIn(files, folder);
  return secret === undefined ? undefined : `: it holds ${secret.what}`;
}

const WRITTEN = /\.(sqlite3?|db|log|pid|sock)$/;

async function takenBelow(folder: string, path: string): Promise<string[]> {
  const all = await packedFiles(folder);
  return all.filter((one) => one.startsWith(`${path}/`) && existsSync(join(folder, one)));
}

/** Path in the project → the word, for people. */
function namedIn(folder: string, processes: WordFilesRequest["processes"]): Map<string, string> {
  const named = new Map<string, string>();
  const add = (value: string, isValue: boolean, word: string) => {
    const path = pathIn(folder, value, isValue);
    if (path !== undefined && !named.has(path)) named.set(path, word);
  };
  for (const { args = [], env = {} } of processes) {
    for (const [at, arg] of args.entries()) {
      const [, value] = /^--?[\w-]+=(.*)$/s.exec(arg) ?? [];
      const isValue = value !== undefined || /^--/.test(args[at - 1] ?? "");
      add(value ?? arg, isValue, `the argument ${arg}`);
    }
    for (const [name, value] of Object.entries(env)) {
      // Of a compiler that a release has no use for.
      if (!/TSCONFIG|TS_NODE/.test(name)) add(value, true, `the variable ${name}`);
    }
  }
  return named;
}

/** `start` of `next start` is a word, whatever lies there by that name. */
function pathIn(folder: string, value: string, isValue: boolean): string | undefined {
  const looksLikePath = /[/.]/.test(value) || isValue;
  if (value === "" || !looksLikePath || value.startsWith("/") || value.includes("$")) return;
  const path = tidy(value);
  const place = join(folder, path);
  if (path === "." || path.startsWith("..") || HIDDEN.test(path) || !existsSync(place)) return;
  const inside = realpathSync(place).startsWith(`${realpathSync(folder)}/`);
  return inside ? path : undefined;
}

const HIDDEN = /(^|\/)node_modules(\/|$)|^\.(git|tsugi)(\/|$)/;
