import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { guessConfig, renderConfig } from "../../assemble/init.ts";
import type { Note } from "../../assemble/pm2/uncarried.ts";
import { isTakenByTsConfig } from "../../assemble/tsconfig.ts";
import { checkConfig } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import { TsugiError } from "../../contract/errors.ts";
import { wrap, wrapLines } from "../../protocol/wrap.ts";
import type { Initialised } from "../documents.ts";
import { printResult } from "../output.ts";

export async function initCommand(folder: string, options: ToolOptions<"init">): Promise<void> {
  const base = resolve(folder);
  if (options.from === undefined) refuseOther(configFile(base));
  const { releases, notes, left } = await guessConfig(base, options.from);
  const files = releases.map(({ folder, config }) => ({
    file: configFile(join(base, folder)),
    config,
  }));
  for (const { file, config } of files) {
    refuseOther(file);
    await checkConfig(config, options.from ?? "what init has guessed");
  }
  for (const { file, config } of files) await writeFile(file, renderConfig(config, file));
  const [first, ...further] = files as [Written, ...Written[]];
  printResult<Initialised>({ ...first, further, notes, left }, [
    ...files.map(({ file }) => `Wrote ${file}`),
    ...files.flatMap(({ config }) => variableLines(config)),
    ...section(left, `can be no release, and ${left.length === 1 ? "stays" : "stay"} as it is:`),
    ...section(notes, `that it can't say as ${options.from} did:`),
    ...(notes.length + left.length > 0 ? [""] : []),
    ...nextLines(releases.map((release) => release.folder)),
  ]);
}

type Written = Initialised["further"][number];

/** In the first form that the project's own build leaves alone; tsc takes no JSON. */
function configFile(folder: string): string {
  const forms = ["tsugi.config.ts", "tsugi.config.mjs", "tsugi.config.json"] as const;
  return join(folder, forms.find((name) => !isTakenByTsConfig(folder, name)) ?? forms[2]);
}

/** Of several only one is read. */
function refuseOther(file: string): void {
  const names = [basename(file), "tsugi.config.ts", "tsugi.config.mjs"];
  const other = names.map((name) => join(dirname(file), name)).find((path) => existsSync(path));
  if (other === undefined) return;
  const problem = `${other} is there already`;
  throw new TsugiError("TSUGI_USAGE", { problem, help: "What it may hold: tsugi help config" });
}

/** Values are shown in the file, which has no secrets; here the names. */
const variableLines = ({ processes = {} }: Config): string[] =>
  Object.entries(processes)
    .filter(([, { env }]) => env !== undefined)
    .map(([name, { env }]) =>
      wrapLines(
        `  ${name}: ${Object.keys(env!).join(", ")} as the file has them; <root>/etc/env on a host overrides`,
        80,
      ),
    );

function section(notes: Note[], title: string): string[] {
  if (notes.length === 0) return [];
  const count = notes.length === 1 ? "One thing" : `${notes.length} things`;
  return ["", `${count} ${title}`, ...notes.flatMap(linesOf)];
}

const linesOf = ({ what, why, todo }: Note): string[] => [
  `  ${what}`,
  `    ${wrap(why, "    ", 76)}`,
  wrapLines(`    → ${todo}`, 80),
];

function nextLines(folders: string[]): string[] {
  const [only, ...more] = folders as [string, ...string[]];
  if (more.length === 0) {
    return [`Build a release: npx tsugi release${only === "." ? "" : ` ${only}`}`];
  }
  const loop = (command: string) =>
    `  for app in ${folders.join(" ")}; do (cd $app && ${command}) || break; done`;
  return [
    `${folders.length} releases. Build them:`,
    loop("npx tsugi release"),
    "Build and deploy them, with environments in each tsugi.config.ts:",
    loop("npx tsugi deploy production"),
  ];
}
