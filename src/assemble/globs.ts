/**
 * Globs that the code reads files by when it runs: `${__dirname}/**\/*.entity{.ts,.js}` of an ORM,
 * `loadFilesSync("src/**\/*.graphql")`. What a glob matches at the build is packed.
 */
import { existsSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { filesBelow } from "../pack/fileSet.ts";
import { compileGlob } from "../pack/glob.ts";
import type { BuildLog } from "../pack/log.ts";
import { OPEN } from "./pathValues.ts";

/** Worth parsing for: a string with a star and an ending. */
export const MENTIONS_GLOB = /["'`}][\w./@-]*\*[^"'`\n]*\./;

/** Of a whole string: `text/*` and `/api/*` are none. */
export const isGlob = (text: string): boolean =>
  /^(?!\/)[^\s:]*\*[^\s/]*\.[^\s/]*$/.test(text) && text.includes("/");

const NEVER = /(^|\/)(node_modules|\.[^/]*)$/;

/** `pattern` is absolute, and may have parts that are not known. @returns files relative to the project */
export function filesOfGlob(project: string, pattern: string): string[] {
  const glob = relative(project, pattern.replaceAll(OPEN, "*")).replace(
    /[@+]\(([^()]*)\)/g,
    (_, choices: string) => `{${choices.replaceAll("|", ",")}}`,
  );
  const top = dirname(`${glob.slice(0, glob.search(/[*{[]/))}x`);
  const folder = join(project, top);
  if (top.startsWith("..") || !existsSync(folder) || !statSync(folder).isDirectory()) return [];
  const matches = compileGlob(glob);
  return filesBelow(folder, top, (name) => NEVER.test(name))
    .map(({ path }) => path.replace(/^\.\//, ""))
    .filter((path) => matches(path) && !/\.d\.[cm]?ts$/.test(path));
}

const OF_SOURCES = /(["'`])([^"'`\n]*\*[^"'`\n{]*\.[cm]?ts)\1/g;
/** Beside the one for what is built: MikroORM's. */
const FOR_SOURCES = /(entitiesTs|pathTs)\s*:\s*\[?[^\]]*$/;

/** `code`: what a build has made of sources. A glob that leads to sources alone finds what Node can't load there. */
export function tellSourceGlobs(project: string, path: string, code: string, log: BuildLog): void {
  for (const { 2: glob = "", index } of code.matchAll(OF_SOURCES)) {
    const before = code.slice(0, index);
    const line = before.split("\n").length;
    if (FOR_SOURCES.test(before.slice(-200)) || !isGlob(glob)) continue;
    if (filesOfGlob(project, join(project, glob)).length === 0) continue;
    log.note(
      `${path}:${line} looks for "${glob}" when it runs: sources, beside what the build has made of them. Let it look for that: join(__dirname, "**/*.js"), or *{.ts,.js} for both`,
    );
  }
}
