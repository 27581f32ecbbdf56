/** The Mix side of a build: dependencies, compile, assets, `mix release` into a folder of ours. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { BuildReport } from "../build/report.ts";
import type { MixFacts } from "./project.ts";
import { runTool } from "./tools.ts";

export async function compileMix(folder: string, report: BuildReport): Promise<void> {
  if (existsSync(join(folder, "mix.lock"))) {
    report.step("mix deps.get");
    await runTool("mix", ["deps.get", "--only", "prod"], folder);
  }
  report.step("mix compile");
  await runTool("mix", ["compile"], folder);
}

export async function assembleMix(
  folder: string,
  facts: MixFacts,
  version: string,
  target: string,
  report: BuildReport,
): Promise<void> {
  if (facts.hasAssets) {
    report.step("mix assets.deploy");
    await runTool("mix", ["assets.deploy"], folder);
  }
  report.step("mix release");
  const args = ["release", ...(facts.isNamed ? [facts.release] : []), "--overwrite", "--quiet"];
  await runTool("mix", [...args, "--path", target, "--version", version], folder);
}
