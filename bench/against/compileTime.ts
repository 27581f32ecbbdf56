/** `tsugi release` with an empty cache and with a warm one, against only compiling the sources. */
import { join } from "node:path";
import { mustRun } from "../../test/helpers/commands.ts";
import { copyExample, installPackages, projectRoot, tsugiCli } from "../../test/helpers/example.ts";
import type { Bench } from "../lib/bench.ts";
import type { Result } from "../lib/result.ts";
import { elapsedMs, interleaved, median } from "../lib/statistics.ts";

const ROUNDS = 5;

export async function compileTime(bench: Bench): Promise<Result[]> {
  const project = copyExample("0.0.1", join(bench.folder, "build-time"));
  await installPackages(project);
  const env = { ...process.env, TSUGI_CACHE: join(bench.folder, "cache") };
  const release = () =>
    elapsedMs(() => mustRun(process.execPath, [tsugiCli, "release"], { cwd: project, env }));
  const compiler = join(projectRoot, "bench", "lib", "compile.mjs");
  const compile = () =>
    elapsedMs(() => mustRun(process.execPath, [compiler, "src/server.ts"], { cwd: project, env }));

  const coldMs = await release();
  const { warm, alone } = await interleaved(ROUNDS, { warm: release, alone: compile });
  const aloneMs = median(alone);
  const result = (what: string, ms: number): Result => ({
    what,
    tsugi: seconds(ms),
    against: `${seconds(aloneMs)} compile`,
    outcome: `+ ${seconds(ms - aloneMs)}`,
  });
  return [result("tsugi release, cold", coldMs), result("tsugi release, warm", median(warm))];
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
