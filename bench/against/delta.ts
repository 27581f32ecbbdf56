/**
 * What a delta moves, against the whole tarball and against `zstd --patch-from` of the two tars, which
 * knows both of them whole; and how fast a release is unpacked, against `tar xz`.
 */

import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { mustRun } from "../../test/helpers/commands.ts";
import { exampleName, tsugiCli } from "../../test/helpers/example.ts";
import { Host } from "../../test/helpers/host.ts";
import type { Bench } from "../lib/bench.ts";
import { type Step, stepsOf } from "../lib/exampleSteps.ts";
import type { Result } from "../lib/result.ts";
import { elapsedMs, interleaved, median } from "../lib/statistics.ts";

const ROUNDS = 3;

/** Within twice the limit and 16 KB. */
const ALLOWED = (limitBytes: number) => 2 * limitBytes + 16 * 1024;

export async function delta(bench: Bench): Promise<Result[]> {
  const steps = await stepsOf(join(bench.folder, "delta"));
  const results: Result[] = [];
  for (const [key, step] of Object.entries(steps)) {
    results.push(...(await moved(bench, step, key === "node" ? 19 : 12)));
  }
  results.push(await unpackSpeed(bench, steps.oneLine.from));
  return results;
}

/** `level`: of zstd. The closest takes a minute or more, which is spent where much has changed. */
async function moved(bench: Bench, { what, from, to }: Step, level: number): Promise<Result[]> {
  const host = await emptyHost(bench, from);
  const inventory = join(bench.folder, "inventory.json");
  writeFileSync(inventory, (await host.must("inventory", "--json")).stdout);
  const out = join(bench.folder, "release.delta");
  const args = [tsugiCli, "delta", to, "--inventory", inventory, "--out", out];
  const makeMs = await elapsedMs(() => mustRun(process.execPath, args, { timeoutMs: 600_000 }));
  const unpackMs = await elapsedMs(() => host.must("unpack", "--delta", out));
  const bytes = statSync(out).size;
  const limit = await patchBytes(bench, from, to, level);
  rmSync(host.root, { recursive: true });
  return [
    {
      what: `${what}: bytes`,
      tsugi: size(bytes),
      against: `${size(statSync(to).size)} whole, ${size(limit)} zstd -${level}`,
      outcome: `${(bytes / limit).toFixed(2)} of zstd's`,
      aim: "<= 2x + 16 KB",
      reached: bytes <= ALLOWED(limit),
    },
    {
      what: `${what}: time`,
      tsugi: `${seconds(makeMs)} made`,
      against: "",
      outcome: `${seconds(unpackMs)} unpacked`,
    },
  ];
}

async function emptyHost(bench: Bench, tarball: string): Promise<Host> {
  const root = mkdtempSync(join(bench.folder, "delta-host-"));
  const host = new Host({ root, name: exampleName, path: bench.hostPath });
  await host.extract(tarball);
  return host;
}

/** Both tars are given to it as they are, uncompressed. */
async function patchBytes(bench: Bench, from: string, to: string, level: number): Promise<number> {
  const [old, now, patch] = ["old.tar", "new.tar", "patch.zst"].map((name) =>
    join(bench.folder, name),
  ) as [string, string, string];
  writeFileSync(old, gunzipSync(readFileSync(from)));
  writeFileSync(now, gunzipSync(readFileSync(to)));
  const args = ["-q", "-f", `-${level}`, "--long=31", `--patch-from=${old}`, now, "-o", patch];
  await mustRun("zstd", args, { timeoutMs: 900_000 });
  return statSync(patch).size;
}

async function unpackSpeed(bench: Bench, tarball: string): Promise<Result> {
  const run = async (unpack: (root: string) => Promise<unknown>) => {
    const root = mkdtempSync(join(bench.folder, "unpack-"));
    const ms = await elapsedMs(() => unpack(root));
    rmSync(root, { recursive: true });
    return ms;
  };
  // The control program of another root, so that nothing of the release is there yet.
  const control = await emptyHost(bench, tarball);
  const { unpack, tar } = await interleaved(ROUNDS, {
    unpack: () =>
      run(async (root) => {
        const own = join(root, "releases", "1.0.1");
        mkdirSync(own, { recursive: true });
        copyFileSync(tarball, join(own, `${exampleName}.tar.gz`));
        const command = 'exec "$1"/runtime/*/bin/node "$1"/lib/tsugi-*/control.mjs unpack 1.0.1';
        await mustRun("sh", ["-c", command, "sh", control.root], {
          env: { ...control.environment, TSUGI_ROOT: root, TSUGI_NAME: exampleName },
        });
      }),
    tar: () => run((root) => mustRun("tar", ["xzf", tarball], { cwd: root })),
  });
  return {
    what: "unpack, verified and synced",
    tsugi: seconds(median(unpack)),
    against: `${seconds(median(tar))} tar xz`,
    outcome: `${(median(unpack) / median(tar)).toFixed(1)} times`,
  };
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const size = (bytes: number) =>
  bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
