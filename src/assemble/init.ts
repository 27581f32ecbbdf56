/** What `tsugi init` writes: the guesses of a release as a configuration to keep and change. */
import { resolve } from "node:path";
import type { Config } from "../config/schema.ts";
import { filled } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { readProject } from "../pack/project.ts";
import { guessMode } from "./entry.ts";
import { guessEntry } from "./guessEntry.ts";
import type { Converted } from "./pm2/convert.ts";

/** `from`: a PM2 ecosystem file. */
export async function guessConfig(folder: string, from: string | undefined): Promise<Converted> {
  if (from !== undefined) return takeOver(folder, from);
  const project = readProject(folder);
  const { candidates, nodeArgs, args, script, isTranspiled } = guessEntry(project);
  const entry = candidates[0]!;
  const build = guessMode(project, entry, isTranspiled);
  const more = filled({ args, env: script?.env });
  // Which of several its build writes, only the build can see.
  const isSure = candidates.every((path) => path.startsWith(entry));
  const isPlain = Object.keys(more).length === 0;
  const started = isPlain ? { entry } : { processes: { main: { entry, ...more } } };
  const config: Config = { ...(isSure ? started : {}), build, ...filled({ nodeArgs }) };
  return { releases: [{ folder: ".", config }], notes: [], left: [] };
}

/** @throws TSUGI_CONFIG_UNREADABLE, TSUGI_SHAPE_UNFIT where no app of it can be a release */
async function takeOver(folder: string, from: string): Promise<Converted> {
  const [{ readEcosystem }, { convertEcosystem }] = await Promise.all([
    import("./pm2/ecosystem.ts"),
    import("./pm2/convert.ts"),
  ]);
  const converted = convertEcosystem(folder, await readEcosystem(resolve(folder, from)));
  if (converted.releases.length > 0) return converted;
  const lines = converted.left.map(({ what, why }) => `\n  ${what}: ${why}`).join("");
  const todo = converted.left.map(({ what, todo }) => `${what}: ${todo}`).join(" · ");
  const problem = `no app of it can be a release:${lines}`;
  throw new TsugiError("TSUGI_SHAPE_UNFIT", { shape: from, problem, todo });
}

export function renderConfig(config: Config, file: string): string {
  if (file.endsWith(".json")) return `${JSON.stringify(config, null, 2)}\n`;
  const body = JSON.stringify(config, null, 2).replace(/^(\s*)"([A-Za-z_]\w*)":/gm, "$1$2:");
  return `import { defineConfig } from "tsugi";

// Every key is optional: npx tsugi help config
export default defineConfig(${body});
`;
}
