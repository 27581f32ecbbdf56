/**
 * The production packages, found in the project's installed node_modules the way Node finds them:
 * from each package upward. Their layout is kept: what was hoisted stays hoisted, pnpm's links stay
 * links (relative ones), a workspace's sibling becomes an ordinary package.
 */
import { existsSync, lstatSync, readFileSync, realpathSync } from "node:fs";
import { basename, dirname, join, relative, sep } from "node:path";
import { TsugiError } from "../errors.ts";
import { byPath, filesBelow, linkTo, type PackedFile } from "./fileSet.ts";
import { installCommandOf, type PackageJson, type Project } from "./project.ts";
import type { BuildReport } from "./report.ts";

/** A package as it lies on disk. */
interface Found {
  /** Where it was looked up: …/node_modules/<name>; may be a link. */
  location: string;
  /** Where it really is. */
  folder: string;
}

export interface PackageTree {
  /** Paths begin with `node_modules/`. */
  files: PackedFile[];
  /** Names and versions, sorted, for messages and checks. */
  packages: { name: string; version: string; folder: string }[];
}

/** Never packed: a release brings its own (CONTRACTS §1). */
const ITSELF = "tsugi";

/** `only`: the names to begin from; default, all dependencies. @throws TSUGI_PACKAGES_MISSING */
export function collectPackages(
  project: Project,
  report: BuildReport,
  only: (name: string) => boolean = () => true,
): PackageTree {
  const walk = new PackageWalk(realpathSync(project.folder), only);
  walk.take(realpathSync(project.folder), project.packageJson, true);
  if (walk.missing.length > 0) {
    throw new TsugiError("TSUGI_PACKAGES_MISSING", {
      packages: walk.missing.join(", "),
      install: installCommandOf(project.folder),
    });
  }
  for (const peer of walk.missingPeers) report.warn(`A needed peer is not installed: ${peer}`);
  return walk.tree();
}

class PackageWalk {
  readonly missing: string[] = [];
  readonly missingPeers: string[] = [];
  readonly #project: string;
  readonly #only: (name: string) => boolean;
  /** Real folder → where it goes, relative to the application's folder. */
  readonly #placed = new Map<string, string>();
  readonly #links = new Map<string, string>();
  readonly #packages: PackageTree["packages"] = [];

  constructor(project: string, only: (name: string) => boolean) {
    this.#project = project;
    this.#only = only;
  }

  /** Follows what a package needs. `isProject`: the root, whose links and versions are its own. */
  take(folder: string, packageJson: PackageJson, isProject = false): void {
    const optional = packageJson.optionalDependencies ?? {};
    for (const name of Object.keys(packageJson.dependencies ?? {}).sort()) {
      if (name in optional || (isProject && !this.#only(name))) continue;
      this.#need(folder, name, packageJson) || this.#isMissing(name, packageJson);
    }
    for (const name of Object.keys(optional).sort()) {
      if (!isProject || this.#only(name)) this.#need(folder, name, packageJson);
    }
    const meta = packageJson.peerDependenciesMeta ?? {};
    for (const name of Object.keys(packageJson.peerDependencies ?? {}).sort()) {
      if (meta[name]?.optional || isProject) continue;
      if (!this.#need(folder, name, packageJson)) {
        this.missingPeers.push(`${name} (of ${packageJson.name})`);
      }
    }
  }

  tree(): PackageTree {
    const files: PackedFile[] = [...this.#links].map(([path, target]) =>
      linkTo(path, relative(dirname(path), target)),
    );
    const nested = (name: string) => /(^|\/)node_modules(\/|$)/.test(name);
    for (const [folder, path] of this.#placed)
      files.push(...filesBelow(folder, path, (name) => skipped(name) || nested(name)));
    const byName = (a: { name: string; folder: string }, b: typeof a) =>
      `${a.name} ${a.folder}` < `${b.name} ${b.folder}` ? -1 : 1;
    return { files: files.sort(byPath), packages: this.#packages.sort(byName) };
  }

  #need(from: string, name: string, of: PackageJson): boolean {
    if (name === ITSELF) return true;
    const found = locate(from, name);
    if (found === undefined) return false;
    const { location, folder } = found;
    const target = this.#targetOf(location, name, of);
    const present = this.#placed.get(folder);
    if (present !== undefined) {
      if (present !== target && location !== folder) this.#links.set(target, present);
      return true;
    }
    const isLink = location !== folder;
    const home = isLink && isInsideModules(folder) ? this.#targetOf(folder, name, of) : target;
    this.#placed.set(folder, home);
    if (home !== target) this.#links.set(target, home);
    const packageJson = readPackage(folder);
    this.#packages.push({ name, version: packageJson.version ?? "", folder });
    this.take(folder, packageJson);
    return true;
  }

  /** Where a place in some node_modules goes: below the package it is nested in, else at the top. */
  #targetOf(location: string, name: string, of: PackageJson): string {
    const at = location.lastIndexOf(`${sep}node_modules${sep}`);
    const base = location.slice(0, at);
    const inside = location.slice(at + 1);
    const owner = this.#placed.get(base);
    if (owner !== undefined) return `${owner}/${inside}`;
    // pnpm: …/node_modules/.pnpm/<id>/node_modules/<name>
    const store = base.lastIndexOf(`${sep}node_modules${sep}.pnpm${sep}`);
    if (store >= 0) return `${base.slice(store + 1)}/${inside}`;
    const atTop = inside;
    const taken = [...this.#placed].find(
      ([folder, path]) => path === atTop && folder !== realpathSync(location),
    );
    if (taken === undefined) return atTop;
    // Two installed trees meet (a workspace): the later one goes to the package that wants it.
    const dependent = [...this.#placed].find(
      ([folder]) => readPackage(folder).name === of.name,
    )?.[1];
    return dependent === undefined ? atTop : `${dependent}/node_modules/${name}`;
  }

  #isMissing(name: string, { name: of }: PackageJson): void {
    this.missing.push(of === undefined ? name : `${name} (of ${of})`);
  }
}

const skipped = (name: string): boolean => {
  const last = basename(name);
  return last === ".git" || last === ".DS_Store" || /^\.env(\..*)?$/.test(last);
};

/** From a folder upward, as Node looks. */
function locate(from: string, name: string): Found | undefined {
  for (let at = from; ; at = dirname(at)) {
    if (basename(at) !== "node_modules") {
      const location = join(at, "node_modules", name);
      if (existsSync(join(location, "package.json"))) {
        const isLink = lstatSync(location).isSymbolicLink();
        return { location, folder: isLink ? realpathSync(location) : location };
      }
    }
    if (dirname(at) === at) return undefined;
  }
}

const isInsideModules = (folder: string) => folder.includes(`${sep}node_modules${sep}`);

function readPackage(folder: string): PackageJson {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as PackageJson;
}
