/** Releases of the fixture apps, built by the real `tsugi release`, and variants of them. */

import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildsIn } from "../../src/release/layout.ts";
import { mustRun } from "./commands.ts";
import { projectRoot, tsugiCli } from "./example.ts";

/** One Node for all tests that do not test Nodes: one download, one compressed runtime. */
export const TEST_NODE = "24.21.0";

export interface Variant {
  /** Fixture folder, such as `counter-1.1.0`. */
  fixture: string;
  version?: string;
  node?: string;
  /** Changes of source files, by path in the project. */
  edit?: Record<string, (text: string) => string>;
  /** Anything else to be done in the copied project before it is built. */
  prepare?: (project: string) => void;
}

export interface BuiltRelease {
  name: string;
  version: string;
  tarball: string;
  tree: string;
}

/** 1.0.0 and 1.0.1 of the same code. */
export async function buildTellers(workshop: string): Promise<[BuiltRelease, BuiltRelease]> {
  const fixture = "teller-1.0.0";
  const one = await buildVariant(join(workshop, "one"), { fixture });
  return [one, await buildVariant(join(workshop, "two"), { fixture, version: "1.0.1" })];
}

/** Copies the fixture into `folder`, changes it, and builds it there. */
export async function buildVariant(folder: string, variant: Variant): Promise<BuiltRelease> {
  cpSync(join(projectRoot, "test", "fixtures", "apps", variant.fixture), folder, {
    recursive: true,
  });
  const packagePath = join(folder, "package.json");
  const manifest = JSON.parse(readFileSync(packagePath, "utf8"));
  if (variant.version) manifest.version = variant.version;
  writeFileSync(packagePath, JSON.stringify(manifest));
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    // Of tsugi's own packages, and none that has dependencies: nothing is installed for a fixture.
    const from = join(projectRoot, "node_modules", name);
    cpSync(from, join(folder, "node_modules", name), { recursive: true });
  }
  variant.prepare?.(folder);
  for (const [path, change] of Object.entries(variant.edit ?? {})) {
    const before = readFileSync(join(folder, path), "utf8");
    const after = change(before);
    if (after === before) throw new Error(`the edit of ${path} changed nothing`);
    writeFileSync(join(folder, path), after);
  }
  // The test itself starts what it has built.
  const args = [tsugiCli, "release", "--no-try", "--node", variant.node ?? TEST_NODE];
  await mustRun(process.execPath, args, { cwd: folder, timeoutMs: 300_000 });
  const { name, version } = manifest as { name: string; version: string };
  const tree = join(buildsIn(folder), name);
  return { name, version, tree, tarball: join(tree, "releases", version, `${name}.tar.gz`) };
}
