/**
 * `appup` of tsugi.config.*: what the manifest says of it, and what of the project it needs on a
 * host. In a command, a word that begins with `./` is a file of the project, and the first word may
 * be a command that a package brings (prisma, knex), as in a script of package.json.
 */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import type { Config } from "../config/schema.ts";
import { TsugiError } from "../contract/errors.ts";
import { fileAt, filesBelow, type PackedFile } from "../pack/fileSet.ts";
import { APPUP_TIMEOUT_MS, type Appup, type AppupStep } from "../release/appup.ts";
import { packageFolderOf, readPackage } from "./resolveFrom.ts";

type Given = NonNullable<Config["appup"]>;
type GivenStep = NonNullable<Given["before"]>[number];

export interface AppupDecision {
  /** As the manifest has it, but for the endings of sources: compiling changes them. */
  appup: Appup;
  /** Some steps are functions: the configuration is compiled. */
  hasFunctions: boolean;
  /** Sources that commands name. */
  sources: string[];
  /** Other files that they name. */
  files: PackedFile[];
  /** Packages whose commands are run. */
  packages: { name: string; from: string }[];
}

/** @throws TSUGI_CONFIG_INVALID */
export function decideAppup(folder: string, given: Given | undefined): AppupDecision | undefined {
  if (given === undefined) return undefined;
  const project = new CommandScan(realpathSync(folder));
  const { before = [], after = [], force = [], forbid = [] } = given;
  const steps = (moment: string, list: readonly GivenStep[]) =>
    list.map((step, index) => stepOf(step, index, (words) => project.command(moment, words)));
  const appup: Appup = {
    before: steps("before", before),
    after: steps("after", after),
    force: force.map((rule) => ({ ...rule, reason: rule.reason ?? `the appup asks for it` })),
    forbid,
  };
  const { sources, files, packages } = project;
  const hasFunctions = [...appup.before, ...appup.after].some(({ command }) => !command);
  return { appup, hasFunctions, sources: [...sources], files, packages };
}

/** `placed`: where a source of the project ended up. */
export function placeAppup(appup: Appup, placed: (path: string) => string): Appup {
  const placeWord = (word: string) =>
    word.startsWith("./") && !word.startsWith("./node_modules/")
      ? `./${placed(word.slice(2))}`
      : word;
  const place = (step: AppupStep): AppupStep =>
    step.command ? { ...step, command: step.command.map(placeWord) } : step;
  return { ...appup, before: appup.before.map(place), after: appup.after.map(place) };
}

function stepOf(
  step: GivenStep,
  index: number,
  commandOf: (words: readonly string[]) => string[],
): AppupStep {
  const isPlain = typeof step === "string" || typeof step === "function" || Array.isArray(step);
  const { run, on = "upgrade", timeoutMs = APPUP_TIMEOUT_MS } = isPlain ? { run: step } : step;
  if (typeof run === "string") {
    throw invalid(
      `"${run}" is how a function of an Elixir or Erlang release is named; a command is a list of arguments: ["node", "./migrate.ts"]`,
    );
  }
  if (Array.isArray(run)) return { label: run.join(" "), command: commandOf(run), on, timeoutMs };
  const isNamed = run.name !== "" && run.name !== "run";
  return { label: isNamed ? `${run.name}()` : `function ${index + 1}`, on, timeoutMs };
}

const invalid = (problem: string) =>
  new TsugiError("TSUGI_CONFIG_INVALID", { where: "appup", problem });

class CommandScan {
  readonly sources = new Set<string>();
  readonly files: PackedFile[] = [];
  readonly packages: { name: string; from: string }[] = [];
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Takes note of the files that it names; the result is run as it stands on a host. */
  command(moment: string, words: readonly string[]): string[] {
    const [first, ...rest] = words as [string, ...string[]];
    for (const word of words) if (word.startsWith("./")) this.#take(moment, word.slice(2));
    if (first.startsWith("./")) return SOURCE.test(first) ? ["node", ...words] : [...words];
    return [...(this.#ofPackage(first) ?? [first]), ...rest];
  }

  #take(moment: string, path: string): void {
    const file = join(this.#folder, path);
    if (!existsSync(file)) throw invalid(`${moment} names ./${path}, which is not there`);
    if (statSync(file).isDirectory()) this.files.push(...filesBelow(file, path));
    else if (SOURCE.test(path)) this.sources.add(path);
    else this.files.push(fileAt(path, file));
  }

  /** What `node_modules/.bin` has by that name. */
  #ofPackage(name: string): string[] | undefined {
    const link = join(this.#folder, "node_modules", ".bin", name);
    if (name.includes("/") || !existsSync(link)) return undefined;
    const file = realpathSync(link);
    const folder = packageFolderOf(file);
    const { name: packageName } = readPackage(folder);
    if (packageName === undefined) return undefined;
    this.packages.push({ name: packageName, from: this.#folder });
    const path = `./node_modules/${packageName}/${relative(folder, file)}`;
    return readFileSync(file, "latin1")
      .slice(0, 80)
      .match(/^#!.*\bnode\b/)
      ? ["node", path]
      : [path];
  }
}

const SOURCE = /\.[cm]?[jt]s$/;
