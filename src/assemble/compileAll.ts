/**
 * Compiles the entries of a project, and the workers that their code names. A bundle may take
 * several passes: a package that asks where it lies (to read files beside itself, to start a worker
 * of its own) cannot be inlined, and that shows only when its code has been seen.
 */
import { realpathSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { defined } from "../contract/checks.ts";
import { fileAt, filesBelow, type PackedFile } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import { type CompileRequest, compileEntry } from "./compile.ts";
import { chooseEntry, isFile, isTypeScript, withEndings } from "./entry.ts";
import { HotScan } from "./hotScan.ts";
import type { Neighbour } from "./neighbours.ts";
import type { NeededPackages } from "./packages.ts";
import { compiledName } from "./placePlugin.ts";
import { findPreload } from "./preloads.ts";
import { reachedFiles } from "./reached.ts";
import type { ApplicationRequest } from "./request.ts";
import { closureOf, locatePackage, readPackage } from "./resolveFrom.ts";
import type { Unfollowed } from "./unfollowed.ts";

export interface Code {
  files: PackedFile[];
  /** One for each process, as the project calls it. */
  entries: string[];
  /** By entry, where the code accepts to be replaced in place. */
  swaps: ReadonlyMap<string, string>;
  /** Entries whose code listens. */
  listens: ReadonlySet<string>;
  needed: NeededPackages;
  /** Where a source of the project ended up. */
  placed: (path: string) => string;
  hot: HotScan;
  unfollowed: Iterable<Unfollowed>;
}

export async function compileAll(request: ApplicationRequest, log: BuildLog): Promise<Code> {
  const folder = realpathSync(request.project.folder);
  const entries = request.processes.map(({ candidates }) => chooseEntry(folder, candidates));
  const preloads = request.preloads.map((path) => findPreload(folder, path));
  // What stays outside does so with all that it needs, or there would be two copies of that.
  const kept = new Set<string>();
  const told = new Set<string>();
  for (const name of request.external) {
    const found = locatePackage(folder, name);
    if (found !== undefined) closureOf(found.folder, kept);
  }
  for (;;) {
    const pass = new CompilePass(folder, request, kept, log);
    await pass.run(entries, preloads, request.appup?.sources);
    const more = [...pass.asking].filter((found) => !kept.has(found));
    if (more.length > 0) {
      for (const found of more) {
        told.add(found);
        closureOf(found, kept);
      }
      continue;
    }
    if (told.size > 0) log.guess("external", names(told), "they use files beside themselves");
    const needed = pass.needed(request.project.packageJson);
    const placed = (path: string) => {
      const source = withEndings(path, true).find((name) => isFile(join(folder, name)));
      return source === undefined ? path : compiledName(source);
    };
    const { swaps, listens, hot } = pass;
    const unfollowed = pass.unfollowed.values();
    const files = [...pass.files.values()];
    return { files, entries, swaps, listens, needed, placed, hot, unfollowed };
  }
}

/** A part of one module, by itself: its packages stay packages, whatever the rest is built like. */
export async function compilePart(
  request: ApplicationRequest,
  entry: string,
  part: NonNullable<CompileRequest["part"]>,
  log: BuildLog,
): Promise<{ files: PackedFile[]; imported: NeededPackages["imported"] }> {
  const folder = realpathSync(request.project.folder);
  const pass = new CompilePass(folder, { ...request, mode: "compile" }, new Set(), log, part);
  await pass.run([], [entry]);
  return { files: [...pass.files.values()], imported: pass.needed({}).imported };
}

const names = (folders: Iterable<string>) =>
  [...folders]
    .map((folder) => readPackage(folder).name ?? folder)
    .sort()
    .join(", ");

class CompilePass {
  readonly files = new Map<string, PackedFile>();
  readonly hot = new HotScan();
  readonly swaps = new Map<string, string>();
  readonly listens = new Set<string>();
  /** By where it stands. */
  readonly unfollowed = new Map<string, Unfollowed>();
  /** Folders of inlined packages that ask where they lie. */
  readonly asking = new Set<string>();
  readonly #siblings = new Set<string>();
  /** Packages that stay packages: name and who imports it → a folder to look from. */
  readonly #outside = new Map<string, { name: string; from: string }>();
  readonly #inlined = new Set<string>();
  readonly #open: string[] = [];
  /** Files, folders, globs, and imports that are told. */
  readonly #named = new Set<string>();
  readonly #isBundle: boolean;
  readonly #compile: CompileRequest;
  readonly #folder: string;
  readonly #log: BuildLog;

  constructor(
    folder: string,
    { mode, external, tsconfig }: ApplicationRequest,
    kept: ReadonlySet<string>,
    log: BuildLog,
    part?: CompileRequest["part"],
  ) {
    this.#folder = folder;
    this.#log = log;
    this.#isBundle = mode === "bundle";
    this.#compile = {
      folder,
      hot: this.hot,
      ...defined({ part, tsconfig }),
      onNeighbour: (neighbour) => this.#neighbour(neighbour),
      onUnfollowed: (found) => this.unfollowed.set(`${found.at} ${found.code}`, found),
      rules: {
        onAsking: (found) => this.asking.add(found),
        packages: this.#isBundle ? { names: new Set(external), folders: kept } : undefined,
        onPackage: (name, importer) =>
          this.#outside.set(`${name} ${dirname(importer)}`, { name, from: dirname(importer) }),
        onInlined: (name) => this.#inlined.add(name),
        onSibling: (found) => this.#siblings.add(found.folder),
        onUnknown: (specifier, importer) => this.#unknown(specifier, importer),
      },
    };
  }

  async run(entries: string[], preloads: string[], scripts: string[] = []): Promise<void> {
    this.#open.push(...new Set([...entries, ...preloads, ...scripts]));
    // Workers that the code names join the list while it is gone through.
    for (let at = 0; at < this.#open.length; at++) {
      const entry = this.#open[at]!;
      this.#log.step(`Compiling ${entry}`);
      // A preload of the project's own cannot be replaced: it runs before everything else.
      const swappable = preloads.length === 0 && entries.includes(entry);
      const compiled = await compileEntry(entry, swappable, this.#compile, this.#log);
      for (const file of compiled.files) this.files.set(file.path, file);
      if (compiled.swap !== undefined) this.swaps.set(entry, compiled.swap);
      if (compiled.listens) this.listens.add(entry);
    }
  }

  /**
   * A bundle needs what was left outside, and those dependencies that no import names: a view
   * engine, a database's driver, a transport of a logger are asked for by name at run time.
   */
  needed({ dependencies = {}, optionalDependencies = {} }: Dependencies): NeededPackages {
    const imported = [...this.#outside.values()];
    const siblings = this.#siblings;
    if (!this.#isBundle) return { only: undefined, imported, siblings };
    const declared = Object.keys({ ...dependencies, ...optionalDependencies });
    const unseen = declared.filter((name) => !this.#inlined.has(name));
    const byName = unseen.filter((name) => !imported.some((found) => found.name === name));
    if (byName.length > 0) {
      this.#log.guess("external", byName.join(", "), "dependencies that no import names");
    }
    return { only: new Set(unseen), imported, siblings };
  }

  #unknown(specifier: string, importer: string): void {
    const told = `${relative(this.#folder, importer)} imports "${specifier}"`;
    if (this.#named.has(told)) return;
    this.#named.add(told);
    const options = isTypeScript(importer) ? "{ paths: { … } }" : "{ allowJs: true, paths: { … } }";
    this.#log.warn(
      `${told}, which no package here and no tsconfig.json resolves. An alias of .babelrc or vite.config: compilerOptions: ${options} in tsconfig.json`,
    );
  }

  #neighbour(neighbour: Neighbour): void {
    const { path, isEntry, glob: name = path } = neighbour;
    if (isEntry) {
      if (!this.#open.includes(path)) this.#open.push(path);
      return;
    }
    const found = filesOfNeighbour(this.#folder, neighbour);
    const isNew = !this.files.has(found[0]?.path ?? "") && !this.#named.has(name);
    this.#named.add(name);
    if (name !== "package.json" && isNew) this.#log.guess("files", name, "the code names it");
    for (const file of found) this.files.set(file.path, file);
  }
}

type Dependencies = Pick<
  ApplicationRequest["project"]["packageJson"],
  "dependencies" | "optionalDependencies"
>;

/** A source named by a path that stays as it is (`join(__dirname, "transport.mjs")`) goes as it is. */
function filesOfNeighbour(folder: string, { path, kind }: Neighbour): PackedFile[] {
  if (kind === "folder") return filesBelow(join(folder, path), path);
  const paths = kind === "source" ? reachedFiles(folder, path) : [path];
  return paths.map((found) => fileAt(found, join(folder, found)));
}
