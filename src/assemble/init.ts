/** What `tsugi init` writes: the guesses of a release as a configuration to keep and change. */
import { resolve } from "node:path";
import type { Config } from "../config/schema.ts";
import { readProject } from "../pack/project.ts";
import { guessEntry, guessMode } from "./entry.ts";
import type { Note } from "./pm2/uncarried.ts";

export interface InitialConfig {
  config: Config;
  /** What of an ecosystem file is not in it, or not as it was. */
  notes: Note[];
}

/** `from`: a PM2 ecosystem file. */
export async function guessConfig(
  folder: string,
  from: string | undefined,
): Promise<InitialConfig> {
  const project = readProject(folder);
  if (from !== undefined) {
    const [{ readEcosystem }, { convertEcosystem }] = await Promise.all([
      import("./pm2/ecosystem.ts"),
      import("./pm2/convert.ts"),
    ]);
    return convertEcosystem(await readEcosystem(resolve(folder, from)));
  }
  const { candidates, nodeArgs } = guessEntry(project);
  const entry = candidates[0]!;
  const config: Config = { entry, build: guessMode(project, entry) };
  if (nodeArgs.length > 0) config.nodeArgs = nodeArgs;
  return { config, notes: [] };
}

export function renderConfig(config: Config): string {
  const body = JSON.stringify(config, null, 2).replace(/^(\s*)"([A-Za-z_]\w*)":/gm, "$1$2:");
  return `import { defineConfig } from "tsugi";

// Every key is optional: npx tsugi help config
export default defineConfig(${body});
`;
}
