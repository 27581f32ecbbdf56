/**
 * Puts a shaped release into rel/<app>, beside earlier builds: folders first, release.json last.
 * A folder that is there with the same bytes stays; own applications have a version per release, so
 * one with other bytes is a library whose code changed without its version.
 */
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type PackedFile, readSource } from "../pack/fileSet.ts";
import type { Layout } from "../release/layout.ts";
import type { ComposedBeam } from "./compose.ts";

/** `first`: the manifest and its signature. */
export function placeTree(
  layout: Layout,
  shaped: string,
  composed: ComposedBeam & { first: PackedFile[] },
): void {
  const { version, runtime } = composed.manifest;
  const folders = new Set(
    composed.groups
      .flatMap(({ entries }) => entries)
      .map(({ path }) => path.split("/"))
      .filter(([top]) => top === "lib" || top === runtime.dir)
      .map(([top, below]) => (top === "lib" ? `lib/${below}` : top!)),
  );
  for (const folder of folders) replace(join(shaped, folder), join(layout.root, folder));
  const bin = composed.groups
    .flatMap(({ files }) => files)
    .filter(({ path }) => /^bin\//.test(path));
  for (const { path } of bin) replace(join(shaped, path), join(layout.root, path));
  const release = layout.release(version).dir;
  mkdirSync(release, { recursive: true });
  replace(join(shaped, "releases", version), release);
  // The manifest last: it is there when all it names is.
  for (const file of [...composed.first].reverse()) writePacked(layout.root, file);
}

function replace(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  rmSync(to, { recursive: true, force: true });
  renameSync(from, to);
}

function writePacked(root: string, file: PackedFile): void {
  const target = join(root, file.path);
  const temporary = `${target}.tmp`;
  writeFileSync(temporary, readSource(file.source));
  renameSync(temporary, target);
}
