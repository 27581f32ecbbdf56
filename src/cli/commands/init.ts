import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { guessConfig, renderConfig } from "../../build/init.ts";
import { TsugiError } from "../../errors.ts";
import { printResult } from "../output.ts";

export async function initCommand(folder: string, options: { from?: string }): Promise<void> {
  const file = join(resolve(folder), "tsugi.config.ts");
  if (existsSync(file)) {
    const problem = `${file} is there already`;
    throw new TsugiError("TSUGI_USAGE", { problem, help: "What it may hold: tsugi help config" });
  }
  const { config, notes } = await guessConfig(resolve(folder), options.from);
  await writeFile(file, renderConfig(config));
  printResult({ file, config, notes }, [
    `Wrote ${file}`,
    ...notes.map((note) => `  ${note}`),
    "Build a release: npx tsugi release",
  ]);
}
