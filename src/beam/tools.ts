/** Programs of the build machine (mix, erl, erlc, rebar3) and tsugi's own Erlang sources. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { runCommand, tail } from "../pack/commands.ts";
import { ownPackage } from "../pack/ownPackage.ts";

/** From dist/ when installed, from src/ in tsugi's own tests. */
export function beamSource(...parts: string[]): string {
  const { folder } = ownPackage();
  const built = join(folder, "dist", "beam", ...parts);
  return existsSync(built) ? built : join(folder, "src", "beam", ...parts);
}

/** What every build has, so that the same sources give the same bytes. */
const BUILD_ENVIRONMENT = {
  MIX_ENV: "prod",
  // Beams without paths, options and times in them.
  ERL_COMPILER_OPTIONS: process.env.ERL_COMPILER_OPTIONS ?? "[deterministic]",
  LANG: process.env.LANG ?? "C.UTF-8",
  LC_ALL: process.env.LC_ALL ?? "C.UTF-8",
  MIX_QUIET: "1",
};

/** @throws TSUGI_BEAM_TOOL_MISSING, TSUGI_BUILD_FAILED */
export async function runTool(
  tool: string,
  args: string[],
  cwd: string,
  env: Record<string, string> = {},
): Promise<string> {
  const result = await runCommand(tool, args, cwd, { ...BUILD_ENVIRONMENT, ...env }).catch(
    (cause: NodeJS.ErrnoException) => {
      if (cause.code !== "ENOENT") throw cause;
      throw new TsugiError("TSUGI_BEAM_TOOL_MISSING", { tool }, { cause });
    },
  );
  if (result.code === 0) return result.stdout;
  const what = [tool, ...args.slice(0, 2)].join(" ");
  const problem = tail(withoutProgress(`${result.stdout}\n${result.stderr}`), 25);
  throw new TsugiError("TSUGI_BUILD_FAILED", { what, problem });
}

/** Of lines that were drawn over each other the last; git's percentages not at all. */
export const withoutProgress = (output: string): string =>
  output
    .split("\n")
    .map((line) => line.trimEnd().split("\r").at(-1)!)
    .filter((line) => !/^(remote: )?(\w+ (objects|deltas|files)|Total \d+)\b.*\d/.test(line))
    .join("\n");
