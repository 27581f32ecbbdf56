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
import { buildsIn } from "../../src/release/layout.ts";
import { mustRun } from "../../test/helpers/commands.ts";
import { copyExample, exampleName, installPackages, tsugiCli } from "../../test/helpers/example.ts";
import { Host } from "../../test/helpers/host.ts";
import type { Bench } from "../lib/bench.ts";
import type { Result } from "../lib/result.ts";
import { elapsedMs, interleaved, median } from "../lib/statistics.ts";

/** Of Node and of a package, the ones before those that the example has. */
const OLDER_NODE = "24.20.0";
const NODE = "24.21.0";
const OLDER_PACKAGE = "mysql2@<3.24";
const ROUNDS = 3;

/** Within twice the limit and 16 KB. */
const ALLOWED = (limitBytes: number) => 2 * limitBytes + 16 * 1024;

interface Step {
  what: string;
  from: string;
  to: string;
  /** Of zstd. The closest takes a minute or more, which is spent where much has changed. */
  level: number;
}

export async function delta(bench: Bench): Promise<Result[]> {
  const folder = join(bench.folder, "delta");
  const project = copyExample("0.0.1", folder);
  await installPackages(project);
  const npm = (...args: string[]) =>
    mustRun("npm", [...args, "--no-audit", "--no-fund", "--loglevel=error"], { cwd: project });
  const release = async (version: string, node = NODE) => {
    const args = [tsugiCli, "release", "--version", version, "--node", node];
    await mustRun(process.execPath, args, { cwd: project, timeoutMs: 600_000 });
    const releases = join(buildsIn(project), exampleName, "releases");
    return join(releases, version, `${exampleName}.tar.gz`);
  };
  const first = await release("1.0.0", OLDER_NODE);
  const otherNode = await release("1.0.1");
  const routes = join(project, "src", "routes.ts");
  writeFileSync(routes, `${readFileSync(routes, "utf8")}\nexport const added = "one line";\n`);
  const oneLine = await release("1.0.2");
  await npm("install", "--no-save", OLDER_PACKAGE);
  const before = await release("1.1.0");
  await npm("ci");
  const otherPackage = await release("1.1.1");

  const steps: Step[] = [
    { what: "one line of the app", from: otherNode, to: oneLine, level: 12 },
    { what: `a package (${OLDER_PACKAGE} → newer)`, from: before, to: otherPackage, level: 12 },
    { what: `Node (${OLDER_NODE} → ${NODE})`, from: first, to: otherNode, level: 19 },
  ];
  const results: Result[] = [];
  for (const step of steps) results.push(...(await moved(bench, step)));
  results.push(await unpackSpeed(bench, otherNode));
  return results;
}

async function moved(bench: Bench, { what, from, to, level }: Step): Promise<Result[]> {
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
