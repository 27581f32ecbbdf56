/**
 * packages: "traced": of the production packages only those files that the code reaches, by what it
 * imports, requires and reads by its own place. A package with compiled addons stays whole, and so
 * does one that `external` names: what it asks for by name only when it runs, nobody can see.
 */
import { readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { type PackedFile, sizeOf } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import { inPackage } from "./bins.ts";
import type { PackageTree, PackedPackage } from "./packages.ts";
import { readPackage } from "./resolveFrom.ts";

export interface TraceRequest {
  /** Of the project, without links. */
  folder: string;
  /** The application's own files; those that are compiled are not on the disk. */
  files: readonly PackedFile[];
  entries: string[];
  /** Names of packages that stay whole. */
  whole: string[];
}

const CODE = /\.[cm]?js$/;
/** What a browser is sent. */
const OF_BROWSER = /(^|\/)(public|static|client|assets)\//;

export async function tracePackages(
  tree: PackageTree,
  request: TraceRequest,
  log: BuildLog,
): Promise<PackageTree> {
  const reached = await reachedFrom(request);
  const homes = new Homes(tree);
  const whole = homes.closureOf([
    ...homes.named(request.whole),
    ...tree.packages.filter((one) => homes.hasAddon(one) && homes.isReached(one, reached)),
  ]);
  const packages = tree.packages.filter((one) => whole.has(one) || homes.isReached(one, reached));
  const kept = new Set(packages.map(({ path }) => path));
  const isWhole = new Set([...whole].map(({ path }) => path));
  const files = tree.files.filter(({ path, source }) => {
    if ("link" in source) return leadsTo(path, source, kept);
    const home = homeOf(path);
    if (isWhole.has(home) || !homes.has(home)) return true;
    return (
      ("file" in source && reached.has(source.file)) ||
      (kept.has(home) && path === `${home}/package.json`)
    );
  });
  const [some, all] = [files, tree.files].map((list) => (bytesOf(list) / 1e6).toFixed(1));
  const of = `${packages.length} of ${tree.packages.length} packages`;
  log.guess("packages", "traced", `${of}, ${some} of ${all} MB`);
  return { files, packages };
}

async function reachedFrom({ folder, files, entries }: TraceRequest): Promise<Set<string>> {
  const { nodeFileTrace } = await import("@vercel/nft");
  const made = new Map<string, Uint8Array>();
  for (const { path, source } of files) {
    if ("bytes" in source) made.set(join(folder, path), source.bytes);
  }
  const own = files
    .map(({ path }) => path)
    .filter((path) => CODE.test(path) && !OF_BROWSER.test(path));
  const started = entries.map((entry) =>
    made.has(join(folder, entry)) ? join(folder, entry) : inPackage(folder, entry),
  );
  const { fileList } = await nodeFileTrace([...started, ...own.map((path) => join(folder, path))], {
    base: "/",
    processCwd: folder,
    mixedModules: true,
    readFile: async (path) => {
      const bytes = made.get(path);
      if (bytes !== undefined) return Buffer.from(bytes);
      return readFile(path).catch(() => null);
    },
    stat: async (path) =>
      made.has(path) ? stat(join(folder, "package.json")) : stat(path).catch(() => null),
  });
  return new Set([...fileList].map((path) => `/${path}`));
}

/** What belongs to which package of the tree. */
class Homes {
  readonly #tree: PackageTree;
  readonly #files = new Map<string, PackedFile[]>();
  readonly #packages: Map<string, PackedPackage>;

  constructor(tree: PackageTree) {
    this.#tree = tree;
    this.#packages = new Map(tree.packages.map((one) => [one.path, one]));
    for (const file of tree.files) {
      const home = homeOf(file.path);
      const files = this.#files.get(home);
      if (files === undefined) this.#files.set(home, [file]);
      else files.push(file);
    }
  }

  has = (home: string): boolean => this.#packages.has(home);

  named = (names: string[]): PackedPackage[] =>
    this.#tree.packages.filter(({ name }) => names.includes(name));

  hasAddon({ path }: PackedPackage): boolean {
    return (this.#files.get(path) ?? []).some((file) => file.path.endsWith(".node"));
  }

  isReached({ path }: PackedPackage, reached: ReadonlySet<string>): boolean {
    return (this.#files.get(path) ?? []).some(
      ({ source }) => "file" in source && reached.has(source.file),
    );
  }

  /** With all that they need: also what they find by a name that they put together. */
  closureOf(packages: PackedPackage[]): Set<PackedPackage> {
    const found = new Set<PackedPackage>();
    const open = [...packages];
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (found.has(next)) continue;
      found.add(next);
      const { dependencies, optionalDependencies } = readPackage(next.folder);
      open.push(...this.named(Object.keys({ ...dependencies, ...optionalDependencies })));
    }
    return found;
  }
}

/** `node_modules/a/node_modules/@b/c` of a file in it. */
export const homeOf = (path: string): string =>
  /^.*(?:^|\/)node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path;

/** A link of pnpm's to a package that is not packed leads nowhere. */
function leadsTo(path: string, { link }: { link: string }, kept: ReadonlySet<string>): boolean {
  const target = relative("/", join("/", path, "..", link));
  return !target.includes("node_modules/") || kept.has(target);
}

const bytesOf = (files: readonly PackedFile[]): number =>
  files.reduce((sum, { source }) => sum + sizeOf(source), 0);
