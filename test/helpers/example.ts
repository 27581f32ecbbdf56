/** The example service, copied, built and packed as its own project would be. */

import { cpSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildsIn } from "../../src/release/layout.ts";
import { mustRun } from "./commands.ts";

export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));
export const exampleName = "admiral-stats-api";
export const tsugiCli = join(projectRoot, "dist", "cli", "main.mjs");

/** A clean copy, as a fresh clone has it: no packages, nothing built. */
export function copyExample(version: string, folder: string): string {
  const from = join(projectRoot, "examples", exampleName, version);
  const left = new Set(["node_modules", "rel"]);
  cpSync(from, folder, { recursive: true, filter: (path) => !left.has(basename(path)) });
  return folder;
}

export const installPackages = (folder: string) =>
  mustRun("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder });

/** `tsugi release` in a project; returns the tarball. */
export async function buildRelease(folder: string, version: string, ...flags: string[]) {
  const { output } = await mustRun(process.execPath, [tsugiCli, "release", ...flags], {
    cwd: folder,
    env: { ...process.env, NODE_OPTIONS: "" },
    timeoutMs: 300_000,
  });
  const tarball = join(buildsIn(folder), exampleName, "releases", version, `${exampleName}.tar.gz`);
  return { tarball, bytes: statSync(tarball).size, output };
}
