/** What builds a project: its build script, or what is said in other places to come before its start. */
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { runCommand, type Surroundings, tail } from "../pack/commands.ts";
import type { BuildLog } from "../pack/log.ts";
import type { Project } from "../pack/project.ts";
import { isOnPath, localManager } from "./packageManager.ts";
import { scriptsOf, wiredBefore } from "./start/packageScripts.ts";
import { splitCommands } from "./start/shellWords.ts";
import { buildsIn, startedBy } from "./start/startScript.ts";

/** A script of package.json, or a line of shell. */
export type ProjectBuild = { script: string } | { line: string };

const OTHER_SCRIPTS = ["build:prod", "build:production", "compile", "prestart:prod", "prestart"];
/** It would go on for ever. */
const WATCHES = /\s(-w|--watch)(=\S*)?(?=\s|$)/g;

export function buildOf(project: Project): ProjectBuild | undefined {
  const scripts = scriptsOf(project.packageJson);
  const builds = (name: string) => buildsIn(scripts[name] ?? "").some((text) => !isCheck(text));
  if (scripts.build !== undefined) return isCheck(scripts.build) ? undefined : { script: "build" };
  if (scripts["heroku-postbuild"] !== undefined) return { script: "heroku-postbuild" };
  const wired = ["start:prod", "start"].flatMap((name) => wiredBefore(project.packageJson, name));
  const script = OTHER_SCRIPTS.find(builds) ?? wired[0];
  if (script !== undefined) return { script };
  const lines = startedBy(project).find(({ script }) => script.builds.length > 0)?.script.builds;
  const line = lines
    ?.filter((text) => !isCheck(text))
    .join(" && ")
    .replace(WATCHES, "");
  return line === undefined || line === "" ? undefined : { line };
}

export const hasBuildScript = (project: Project): boolean => buildOf(project) !== undefined;

const CHECKS =
  /--noEmit\b(?![ =]false)|^((npx|pnpm exec|yarn|bunx) )?(eslint|oxlint|biome|prettier) |^(npm|pnpm|yarn|bun) (run )?(lint|check|type-?check|format)\b/;
/** All of it: `tsc --noEmit && vite build` builds something. */
const isCheck = (line: string): boolean =>
  splitCommands(line).every(({ text }) => CHECKS.test(text));

/** @returns the command, for people. @throws TSUGI_BUILD_FAILED */
export async function runBuild(
  folder: string,
  build: ProjectBuild,
  surroundings: Surroundings | undefined,
  log: BuildLog,
  whose?: string,
): Promise<string> {
  const manager = managerHere(folder, surroundings);
  const isScript = "script" in build;
  const text = isScript ? `${manager} run ${build.script}` : build.line;
  const command = `${text}${whose === undefined ? "" : ` (${whose})`}`;
  log.step(command);
  const running = isScript
    ? runCommand(manager, ["run", build.script], folder, {}, surroundings)
    : runCommand(
        "sh",
        ["-c", build.line],
        folder,
        { PATH: pathOf(folder, surroundings) },
        surroundings,
      );
  const result = await running.catch((error: Error) => ({
    code: 127,
    stdout: "",
    stderr: error.message,
  }));
  if (result.code === 0) return command;
  throw new TsugiError("TSUGI_BUILD_FAILED", {
    what: `${command} (exit code ${result.code})`,
    problem: tail(`${result.stdout}\n${result.stderr}`),
  });
}

/** One that was fetched to install the project (npx, corepack) may be gone: npm runs the same scripts. */
function managerHere(folder: string, surroundings: Surroundings | undefined): string {
  const manager = localManager(folder);
  return surroundings !== undefined || isOnPath(manager) ? manager : "npm";
}

/** As a package manager has it for a script. */
function pathOf(folder: string, surroundings: Surroundings | undefined): string {
  const bins: string[] = [];
  for (let at = folder; ; at = dirname(at)) {
    const bin = join(at, "node_modules", ".bin");
    if (existsSync(bin)) bins.push(bin);
    if (dirname(at) === at) break;
  }
  return [...bins, (surroundings?.env ?? process.env).PATH ?? ""].join(delimiter);
}
