/**
 * The same kind of state held by a GenServer and upgraded by OTP's release_handler, beside a swap and
 * a handoff of ours: the longest time in which nobody answers, beyond an ordinary answer. OTP's
 * asker is a process in the same VM, ours come by WebSocket.
 */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../test/helpers/commands.ts";
import { needPackages } from "../../test/helpers/debian.ts";
import { projectRoot } from "../../test/helpers/example.ts";
import { writeFiles } from "../../test/helpers/projects.ts";
import type { Bench } from "../lib/bench.ts";
import { measureQuiet } from "../lib/quiet.ts";
import type { Result } from "../lib/result.ts";
import { median } from "../lib/statistics.ts";

const ROUNDS = 5;
const ASKERS = 20;

const CASES = [
  { what: "1 MB", megabytes: 1, shape: 1 },
  { what: "100 MB", megabytes: 100, shape: 1 },
  // Less: release_handler:upgrade_app gives a code_change five seconds.
  { what: "10 MB, migrated", megabytes: 10, shape: 2 },
] as const;

/** Versions of `live` that may be swapped, and that force a handoff; by the shape of the state. */
const VERSIONS = {
  swap: { 1: "1.0.1", 2: "2.0.0" },
  handoff: { 1: "1.0.2", 2: "2.0.1" },
} as const;

export async function genServer(bench: Bench): Promise<Result[]> {
  await needPackages(["escript"], ["erlang-dev", "erlang-base"]);
  const tarballs = await buildAll(bench);
  const results: Result[] = [];
  for (const { what, megabytes, shape } of CASES) {
    const otpMs = median(await byOtp(bench, megabytes, shape));
    for (const strategy of ["swap", "handoff"] as const) {
      const versions: [string, string] = [VERSIONS[strategy][shape], "1.0.0"];
      const size = { kind: "map" as const, megabytes, webSockets: ASKERS };
      const measured = await measureQuiet(bench, tarballs, { ...size, versions, strategy });
      const quietMs = median(measured.quietMs);
      results.push({
        what: `${what}, by ${strategy}: longest quiet time`,
        tsugi: `${quietMs.toFixed(1)} ms`,
        against: `${otpMs.toFixed(1)} ms OTP`,
        outcome: otpMs > 0.05 ? `× ${(quietMs / otpMs).toFixed(quietMs < 10 * otpMs ? 1 : 0)}` : "",
      });
    }
  }
  return results;
}

async function byOtp(bench: Bench, megabytes: number, shape: 1 | 2): Promise<number[]> {
  const script = join(projectRoot, "bench", "apps", "genServer", "measure.escript");
  const folder = join(bench.folder, "otp");
  const version = VERSIONS.swap[shape];
  const args = [script, folder, String(megabytes), version, String(ROUNDS)];
  const { stdout } = await mustRun("escript", args);
  return stdout.trim().split("\n").map(Number);
}

async function buildAll(bench: Bench): Promise<Record<string, string>> {
  const project = await bench.projectWithPackages("live");
  const tarballs: Record<string, string> = {};
  const build = async (version: string) => {
    tarballs[version] = await bench.release(project, "live", version);
  };
  for (const version of ["1.0.0", VERSIONS.swap[1]]) await build(version);
  renameSync(join(project, "state.js"), join(project, "state.v1.js"));
  renameSync(join(project, "state.v2.js"), join(project, "state.js"));
  await build(VERSIONS.swap[2]);
  const force = [{ use: "handoff", reason: "to compare" }];
  const nodeArgs = ["--max-old-space-size=8192"];
  writeFiles(project, { "tsugi.config.json": { build: "compile", nodeArgs, appup: { force } } });
  await build(VERSIONS.handoff[2]);
  renameSync(join(project, "state.v1.js"), join(project, "state.js"));
  await build(VERSIONS.handoff[1]);
  return tarballs;
}
