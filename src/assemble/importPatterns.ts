/**
 * `import(`./plugins/${name}.ts`)`: what a pattern may mean is compiled in, all of it, and chosen from
 * when it runs. A name that no file had at the build is the error that Node has for it.
 */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { OPEN, textOf } from "./pathValues.ts";

/** By what the pattern may come to, the module that is meant; undefined: it is no pattern of files. */
export function importsOf(source: unknown, id: string): Map<string, string> | undefined {
  const text = textOf(source);
  if (!/^\.\.?\//.test(text) || !text.includes(OPEN)) return undefined;
  const found = new Map<string, string>();
  const [before] = text.split(OPEN) as [string];
  const top = before.slice(0, before.lastIndexOf("/") + 1);
  const means = new RegExp(`^${text.split(OPEN).map(escaped).join("[^/]+")}$`);
  const depth = text.slice(top.length).split("/").length;
  for (const path of filesIn(join(dirname(id), top), depth)) {
    for (const name of spellings(`${top}${path}`)) {
      if (means.test(name) && !found.has(name)) found.set(name, `${top}${path}`);
    }
  }
  return found;
}

/** In code: `pick(asked, { "./plugins/a.ts": () => import("./plugins/a.ts") })`. */
export function choiceOf(
  asked: string,
  imports: ReadonlyMap<string, string>,
  place: string,
): string {
  const ways = [...imports].map(
    ([name, path]) => `${JSON.stringify(name)}: () => import(${JSON.stringify(path)})`,
  );
  return `${place}.pick(${asked}, { ${ways.join(", ")} })`;
}

const MODULE = /\.([cm]?)([jt])sx?$/;
const NO_MODULE = /\.(d|test|spec)\.[cm]?[jt]sx?$/;

/** As it is called, as TypeScript would have it called, and without an ending. */
const spellings = (path: string): string[] => [
  path,
  path.replace(MODULE, ".$1js"),
  path.replace(MODULE, ""),
];

function filesIn(folder: string, depth: number): string[] {
  if (depth === 0 || !existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (entry.name === "node_modules") return [];
      if (!entry.isDirectory()) return isModule(entry.name) ? [entry.name] : [];
      return filesIn(join(folder, entry.name), depth - 1).map((path) => `${entry.name}/${path}`);
    })
    .sort();
}

const isModule = (name: string) =>
  (MODULE.test(name) && !NO_MODULE.test(name)) || name.endsWith(".json");

const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
