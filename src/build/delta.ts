/** A delta for one host, from a release that was built here and the older ones beside it. */
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { exists } from "../platform/files.ts";
import type { Inventory } from "../release/delta.ts";
import { type Delta, makeDelta, type ReleaseContent } from "../release/deltaMake.ts";
import { releaseIdOf } from "../release/manifest.ts";
import { openContent, treeOf } from "./releaseContent.ts";

/**
 * @param place  a tarball, `rel/<app>`, or `rel/<app>/releases/<vsn>`; the other releases of that
 *               tree are what the delta may build on
 * @param bases  more of them
 */
export async function deltaFor(
  inventory: Inventory,
  place: string,
  bases: readonly string[] = [],
): Promise<Delta> {
  const release = await openContent(place);
  const places = [...bases, ...(await releasesBeside(place))];
  const found = new Map<string, ReleaseContent>();
  for (const base of places) {
    const content = await openContent(base);
    found.set(releaseIdOf(content.manifestBytes), content);
  }
  // What runs first: it is nearest to what comes next.
  const rank = ({ status }: { status: string }) =>
    ["current", "permanent", "old"].indexOf(status) >>> 0;
  const wanted = [...inventory.releases].sort((a, b) => rank(a) - rank(b));
  const usable = wanted.flatMap(({ releaseId }) => found.get(releaseId) ?? []);
  return makeDelta(inventory, release, usable);
}

async function releasesBeside(place: string): Promise<string[]> {
  const tree = treeOf(resolve(place));
  if (tree === undefined) return [];
  const releases = join(tree.root, "releases");
  const found: string[] = [];
  for (const name of (await readdir(releases)).sort()) {
    if (await exists(join(releases, name, "release.json"))) found.push(join(releases, name));
  }
  return found;
}
