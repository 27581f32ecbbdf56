import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { guessConfig, renderConfig } from "../../assemble/init.ts";
import type { Note } from "../../assemble/pm2/uncarried.ts";
import { checkConfig } from "../../config/load.ts";
import { TsugiError } from "../../contract/errors.ts";
import { wrap, wrapLines } from "../../protocol/wrap.ts";
import type { Initialised } from "../documents.ts";
import { printResult } from "../output.ts";

export async function initCommand(folder: string, options: { from?: string }): Promise<void> {
  const file = join(resolve(folder), "tsugi.config.ts");
  if (existsSync(file)) {
    const problem = `${file} is there already`;
    throw new TsugiError("TSUGI_USAGE", { problem, help: "What it may hold: tsugi help config" });
  }
  const { config, notes } = await guessConfig(resolve(folder), options.from);
  await checkConfig(config, options.from ?? "what init has guessed");
  await writeFile(file, renderConfig(config));
  const count = notes.length === 1 ? "One thing" : `${notes.length} things`;
  printResult<Initialised>({ file, config, notes }, [
    `Wrote ${file}`,
    ...(notes.length > 0 ? ["", `${count} that it can't say as ${options.from} did:`] : []),
    ...notes.flatMap(linesOf),
    ...(notes.length > 0 ? [""] : []),
    "Build a release: npx tsugi release",
  ]);
}

const linesOf = ({ what, why, todo }: Note): string[] => [
  `  ${what}`,
  `    ${wrap(why, "    ", 76)}`,
  wrapLines(`    → ${todo}`, 80),
];
