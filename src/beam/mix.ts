/** The Mix side of a build: dependencies, compile, assets, `mix release` into a folder of ours. */
import { join } from "node:path";
import type { BuildLog } from "../pack/log.ts";
import type { MixFacts } from "./project.ts";
import { stableDeps } from "./stableDeps.ts";
import { runTool } from "./tools.ts";

export async function fetchDependencies(folder: string, log: BuildLog): Promise<void> {
  log.step("mix deps.get");
  await runTool("mix", ["deps.get", "--only", "prod"], folder);
}

/** Compiles and assembles the release into `target`. */
export async function assembleMix(
  folder: string,
  facts: MixFacts,
  version: string,
  target: string,
  log: BuildLog,
): Promise<void> {
  const stable = await stableDeps(folder, facts.release, log);
  // A build folder of our own: what `mix compile` has left there by hand was compiled otherwise.
  const env = { ...stable.env, MIX_BUILD_PATH: join(folder, "_build", "tsugi") };
  const mix = (...args: string[]) => runTool("mix", args, folder, env);
  try {
    log.step("mix compile");
    await mix("compile");
    if (facts.hasAssets) {
      log.step("mix assets.deploy");
      await mix("assets.deploy");
    }
    log.step("mix release");
    const named = facts.isNamed ? [facts.release] : [];
    const args = ["--overwrite", "--quiet", "--path", target, "--version", version];
    await mix("release", ...named, ...args);
    stable.keep();
  } finally {
    await stable.unlock();
  }
}
