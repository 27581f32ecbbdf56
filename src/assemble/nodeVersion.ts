/**
 * Which Node a release carries: `--node`, runtime.node, .node-version, .nvmrc, else, within
 * engines.node, what the compiled addons are installed for, or the newest LTS on the list that ships
 * in tsugi. The list is fixed, so the answer is the same on every machine; what was resolved is
 * written to .node-version once it is built, so that it stays so.
 */
import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import semver from "semver";
import { TsugiError } from "../contract/errors.ts";
import type { BuildLog } from "../pack/log.ts";
import type { Project } from "../pack/project.ts";
import { installedFor } from "./native/installed.ts";
import { LTS_MAJORS, NODE_VERSIONS } from "./nodeVersions.ts";

/** Says what a project runs with, not what it is to run with. */
const ENGINES = "engines.node";

interface Wish {
  range: string;
  where: string;
}

/** @throws TSUGI_NODE_UNKNOWN, TSUGI_NODE_UNPINNED */
export async function resolveNode(
  project: Project,
  given: { flag: string | undefined; config: string | undefined; writes: boolean },
  log: BuildLog,
): Promise<{ version: string; isNew: boolean }> {
  const wish = findWish(project, given);
  const exact = wish && semver.valid(wish.range.replace(/^v/, ""));
  if (exact) {
    log.guess("node", exact, wish.where);
    return { version: exact, isNew: false };
  }
  const isOpen = wish === undefined || wish.where === ENGINES;
  const installed = isOpen ? installedFor(project) : undefined;
  const fitting = installed && newestOf(installed.major, wish?.range ?? "*");
  const version = fitting ?? pick(wish);
  const isCi = process.env.CI === "true" || process.env.CI === "1";
  if (isCi) {
    const found = wish ? `${wish.range} (${wish.where})` : "nothing";
    throw new TsugiError("TSUGI_NODE_UNPINNED", { found, version });
  }
  const why = fitting
    ? `what ${installed!.packageName} is installed for`
    : wish
      ? `${wish.range} in ${wish.where}`
      : "the newest LTS";
  log.guess("node", version, why);
  if (wish?.where === "--node") return { version, isNew: false };
  if (!given.writes) {
    log.warn(`That commit does not pin Node. Commit a .node-version: ${version}`);
    return { version, isNew: false };
  }
  return { version, isNew: true };
}

/** Once the build has succeeded. */
export async function pinNode(folder: string, version: string, log: BuildLog): Promise<void> {
  await writeFile(join(folder, ".node-version"), `${version}\n`);
  log.note(`Wrote ${version} to .node-version: commit it, and every build has the same Node.`);
}

function findWish(
  { folder, packageJson }: Project,
  given: { flag: string | undefined; config: string | undefined },
): Wish | undefined {
  if (given.flag !== undefined) return { range: given.flag, where: "--node" };
  if (given.config !== undefined) return { range: given.config, where: "runtime.node" };
  for (const place of foldersOfRepository(folder)) {
    for (const name of [".node-version", ".nvmrc"]) {
      const file = join(place, name);
      if (!existsSync(file)) continue;
      const range = readFileSync(file, "utf8").split("\n")[0]!.replace(/#.*/, "").trim();
      if (range !== "") return { range, where: relative(folder, file) };
    }
  }
  const engines = packageJson.engines?.node;
  return engines === undefined ? undefined : { range: engines, where: ENGINES };
}

/** The project's folder and those above it that belong to the same repository. */
function foldersOfRepository(folder: string): string[] {
  const folders = [folder];
  for (let at = folder; !existsSync(join(at, ".git")); at = dirname(at)) {
    if (dirname(at) === at) return [folder];
    folders.push(dirname(at));
  }
  return folders;
}

const newestOf = (major: number, range: string): string | undefined =>
  NODE_VERSIONS.filter(
    (version) => semver.major(version) === major && semver.satisfies(version, range),
  ).at(-1);

/** The newest LTS that fits, else the newest that fits. */
function pick(wish: Wish | undefined): string {
  const range = normalRange(wish?.range);
  const isLts = (version: string) => LTS_MAJORS.includes(semver.major(version));
  const fitting = NODE_VERSIONS.filter((version) => semver.satisfies(version, range));
  const version = fitting.filter(isLts).at(-1) ?? fitting.at(-1);
  if (version !== undefined) return version;
  throw new TsugiError("TSUGI_NODE_UNKNOWN", {
    range: wish!.range,
    where: wish!.where,
    newest: NODE_VERSIONS.at(-1)!,
  });
}

/** nvm's own words: `lts/*`, `lts/krypton`, `node`, `v24`. */
function normalRange(range: string | undefined): string {
  if (range === undefined || range === "lts/*" || range === "--lts") return ltsRange();
  if (["node", "stable", "latest", "current"].includes(range)) return "*";
  const codename = /^lts\/(\w+)$/.exec(range)?.[1];
  const major = { iron: 20, jod: 22, krypton: 24 }[codename?.toLowerCase() ?? ""];
  if (major !== undefined) return `${major}`;
  return range.replace(/^v(?=\d)/, "");
}

const ltsRange = () => `${Math.max(...LTS_MAJORS)}.x`;
