/**
 * The production packages, found in the project's installed node_modules the way Node finds them.
 * The layout is kept: what was hoisted stays hoisted, what was nested stays nested, pnpm's links
 * stay links (relative ones); a workspace's sibling becomes an ordinary package.
 *
 *   <project>/node_modules/a                     → node_modules/a
 *   <workspace root>/node_modules/b              → node_modules/b      (the nearer tree goes first)
 *   …/node_modules/a/node_modules/c              → node_modules/a/node_modules/c
 *   …/node_modules/.pnpm/a@1/node_modules/c      → the same, and node_modules/a a link to its place
 */
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { byPath, filesBelow, linkTo, type PackedFile } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import type { PackageJson, Project } from "../pack/project.ts";
import { installCommandOf } from "./packageManager.ts";
import { isInsideModules, locatePackage, readPackage } from "./resolveFrom.ts";
import type { SiblingFiles } from "./siblings.ts";

export interface PackedPackage {
  name: string;
  version: string;
  /** Where it really is on this machine. */
  folder: string;
  /** Its place in the tree; begins with `node_modules/`. */
  path: string;
}

export interface PackageTree {
  /** Paths begin with `node_modules/`. */
  files: PackedFile[];
  packages: PackedPackage[];
}

export interface NeededPackages {
  /** Of the project's dependencies only these; undefined: all. */
  only: ReadonlySet<string> | undefined;
  /** What the compiled code imports, and from which folder it is found. */
  imported: { name: string; from: string }[];
  /** Workspace siblings whose own dependencies count as the project's. */
  siblings: ReadonlySet<string>;
}

export const ALL_DEPENDENCIES: NeededPackages = {
  only: undefined,
  imported: [],
  siblings: new Set(),
};

export const NO_DEPENDENCIES: NeededPackages = { ...ALL_DEPENDENCIES, only: new Set() };

/** With those whose command is the entry, development dependencies among them. */
export const withBins = (needed: NeededPackages, names: string[], from: string): NeededPackages =>
  names.length === 0
    ? needed
    : { ...needed, imported: [...needed.imported, ...names.map((name) => ({ name, from }))] };

/** Never packed: a release brings its own. */
const ITSELF = "tsugi";

/** @throws TSUGI_PACKAGES_MISSING */
export function collectPackages(
  project: Project,
  { only, imported, siblings }: NeededPackages,
  log: BuildLog,
  siblingFiles: SiblingFiles = new Map(),
): PackageTree {
  const folder = realpathSync(project.folder);
  const walk = new PackageWalk((name) => only === undefined || only.has(name), siblings);
  walk.run(folder, project.packageJson);
  for (const sibling of siblings) walk.run(sibling, readPackage(sibling));
  for (const { name, from } of imported) {
    if (!walk.runOne(from, name)) continue;
    if (only === undefined) {
      log.warn(`${name} is imported, but is not among the dependencies; it is packed too.`);
    }
  }
  if (walk.missing.length > 0) {
    throw new TsugiError("TSUGI_PACKAGES_MISSING", {
      packages: walk.missing.join(", "),
      install: installCommandOf(project.folder),
    });
  }
  for (const conflict of walk.conflicts) {
    log.warn(
      `Two versions of one package are wanted at the top; this one is not packed: ${conflict}`,
    );
  }
  for (const peer of walk.missingPeers) log.warn(`A peer dependency is not installed: ${peer}`);
  return walk.tree(siblingFiles);
}

class PackageWalk {
  readonly missing: string[] = [];
  readonly missingPeers: string[] = [];
  /** Wanted at the top beside another version of the same, which stays. */
  readonly conflicts: string[] = [];
  readonly #isWanted: (name: string) => boolean;
  readonly #siblings: ReadonlySet<string>;
  /** Path in the tree → real folder, for packages that stand there themselves. */
  readonly #at = new Map<string, string>();
  /** Real folder → its path in the tree. */
  readonly #home = new Map<string, string>();
  readonly #links = new Map<string, string>();
  /** Breadth first: the project's own dependencies stand at the top before others ask for a place. */
  readonly #open: { folder: string; home: string }[] = [];

  constructor(isWanted: (name: string) => boolean, siblings: ReadonlySet<string>) {
    this.#isWanted = isWanted;
    this.#siblings = siblings;
  }

  /** Takes all that the project, or a sibling compiled into it, needs. */
  run(folder: string, packageJson: PackageJson): void {
    this.#follow(folder, packageJson, "");
    this.#drain();
  }

  /** Takes one package and what it needs. @returns whether it was not there before */
  runOne(from: string, name: string): boolean {
    const found = name === ITSELF ? undefined : locatePackage(from, name);
    if (found === undefined || this.#siblings.has(found.folder)) return false;
    if (this.#reaches("", name, this.#home.get(found.folder) ?? "")) return false;
    this.#take(from, name, "");
    this.#drain();
    return true;
  }

  #drain(): void {
    for (let next = this.#open.shift(); next !== undefined; next = this.#open.shift()) {
      this.#follow(next.folder, readPackage(next.folder), next.home);
    }
  }

  /** `home`: the package's path in the tree, "" for the project. */
  #follow(folder: string, packageJson: PackageJson, home: string): void {
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = packageJson;
    const isRoot = home === "";
    const wanted = (name: string) => name !== ITSELF && (!isRoot || this.#isWanted(name));
    for (const name of Object.keys(dependencies).filter(wanted).sort()) {
      if (name in optionalDependencies || this.#take(folder, name, home)) continue;
      this.missing.push(isRoot ? name : `${name} (of ${packageJson.name})`);
    }
    for (const name of Object.keys(optionalDependencies).filter(wanted).sort()) {
      this.#take(folder, name, home);
    }
    if (isRoot) return;
    for (const name of Object.keys(peerDependencies).filter(wanted).sort()) {
      if (packageJson.peerDependenciesMeta?.[name]?.optional) continue;
      if (!this.#take(folder, name, home)) {
        this.missingPeers.push(`${name} (of ${packageJson.name})`);
      }
    }
  }

  tree(siblingFiles: SiblingFiles): PackageTree {
    const files = [...this.#links].map(([path, target]) =>
      linkTo(path, relative(dirname(path), target)),
    );
    const packages: PackedPackage[] = [];
    for (const [path, folder] of [...this.#at].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const isCompiled = existsSync(join(folder, "binding.gyp"));
      const isOut = (file: string) => isLeftOut(file) || (isCompiled && isIntermediate(file));
      const published = siblingFiles.get(folder);
      const below = filesBelow(folder, path, isOut).filter(
        (file) => published?.has(file.path.slice(path.length + 1)) ?? true,
      );
      files.push(...below, ...generatedBeside(folder, path));
      const { name = basename(folder), version = "" } = readPackage(folder);
      packages.push({ name, version, folder, path });
    }
    return { files: files.sort(byPath), packages };
  }

  #take(from: string, name: string, dependent: string): boolean {
    const found = locatePackage(from, name);
    if (found === undefined) return false;
    const { location, folder, isLink } = found;
    if (this.#siblings.has(folder)) return true;
    const asked = this.#placeOf(location, name, dependent, folder);
    const present = this.#at.get(asked);
    if (present !== undefined && present !== folder) {
      this.conflicts.push(`${name} ${readPackage(folder).version}`);
      return true;
    }
    const home = this.#home.get(folder);
    if (home !== undefined && this.#at.get(home) === folder) {
      if (home !== asked && !this.#reaches(dependent, name, home)) this.#links.set(asked, home);
      return true;
    }
    const isStored = isLink && isInsideModules(folder);
    const place = isStored ? this.#placeOf(folder, name, dependent, folder) : asked;
    this.#at.set(place, folder);
    this.#home.set(folder, place);
    if (place !== asked) this.#links.set(asked, place);
    this.#open.push({ folder, home: place });
    return true;
  }

  /** Where a place in some node_modules goes in the one tree. */
  #placeOf(location: string, name: string, dependent: string, folder: string): string {
    const at = location.lastIndexOf(`${sep}node_modules${sep}`);
    const base = location.slice(0, at);
    const inside = `node_modules/${name}`;
    const owner = this.#home.get(base);
    if (owner !== undefined) return `${owner}/${inside}`;
    const store = base.lastIndexOf(`${sep}node_modules${sep}.pnpm${sep}`);
    if (store >= 0) return `${base.slice(store + 1)}/${location.slice(at + 1)}`;
    const present = this.#at.get(inside);
    if (present === undefined || present === folder) return inside;
    // Two installed trees meet (a workspace's and its root's) with two versions: nest the later.
    return dependent === "" ? inside : `${dependent}/${inside}`;
  }

  /** Whether Node, asking from `dependent`, finds `name` at `home` by going upward. */
  #reaches(dependent: string, name: string, home: string): boolean {
    for (
      let at = dependent;
      ;
      at = at.includes("/node_modules/") ? at.slice(0, at.lastIndexOf("/node_modules/")) : ""
    ) {
      const path = at === "" ? `node_modules/${name}` : `${at}/node_modules/${name}`;
      if (this.#at.has(path) || this.#links.has(path))
        return path === home || this.#links.get(path) === home;
      if (at === "") return false;
    }
  }
}

/** Prisma's client is generated into a folder of its own, beside @prisma: no package needs it by name. */
function generatedBeside(folder: string, path: string): PackedFile[] {
  if (!path.endsWith("node_modules/@prisma/client")) return [];
  const generated = join(folder, "..", "..", ".prisma");
  return existsSync(generated) ? filesBelow(generated, join(path, "..", "..", ".prisma")) : [];
}

/** Nested packages stand for themselves; the rest is nothing that runs. */
const isLeftOut = (path: string): boolean =>
  /(^|\/)(node_modules|\.git)$/.test(path) || /(^|\/)(\.env(\..*)?|\.DS_Store)$/.test(path);

/** What node-gyp needs on the way to build/Release/*.node. It names folders of this machine. */
const isIntermediate = (path: string): boolean =>
  /^build\/(Release\/(obj|obj\.target|\.deps)|node_gyp_bins|[^/]*(Makefile|\.mk|\.gypi|\.vcxproj.*))$/.test(
    path,
  );
