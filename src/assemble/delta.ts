/** A delta for one host, from a release that was built here and the older ones beside it. */
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import { exists } from "../platform/files.ts";
import { type Inventory, type InventoryRelease, unpackManifest } from "../release/delta.ts";
import { type Delta, makeDelta, type ReleaseContent } from "../release/deltaMake.ts";
import { parseManifest, releaseIdOf } from "../release/manifest.ts";
import { type OpenContent, openContent, treeOf } from "./releaseContent.ts";

/**
 * @param place  a tarball, the tree of a build, or its `releases/<vsn>`; the other releases of that
 *               tree are what the delta may build on
 * @param bases  more of them
 * @throws TSUGI_USAGE of a BEAM release, TSUGI_RELEASE_UNREADABLE, TSUGI_RELEASE_DIFFERS
 */
export async function deltaFor(
  inventory: Inventory,
  place: string,
  bases: readonly string[] = [],
): Promise<Delta> {
  const opened: OpenContent[] = [];
  const open = async (one: string) => {
    const content = await openContent(one);
    opened.push(content);
    return content;
  };
  try {
    const release = await open(place);
    if (release.manifest.kind === "beam") throw noBeamDelta(place);
    const found = new Map<string, ReleaseContent>();
    for (const base of [...bases, ...(await releasesBeside(place))]) {
      const content = await open(base);
      found.set(releaseIdOf(content.manifestBytes), content);
    }
    // What runs first: it is nearest to what comes next.
    const runs = ({ status }: InventoryRelease) => status === "current" || status === "permanent";
    const wanted = [...inventory.releases].sort((a, b) => Number(runs(b)) - Number(runs(a)));
    const usable = wanted.flatMap((known) => found.get(known.releaseId) ?? asToldBy(known) ?? []);
    return await makeDelta(inventory, release, usable);
  } finally {
    await Promise.all(opened.map((content) => content.close()));
  }
}

/** Their hosts have OTP and nothing else, and OTP can't decompress brotli. */
const noBeamDelta = (place: string) =>
  new TsugiError("TSUGI_USAGE", {
    problem: `${place} is an Elixir or Erlang release: there are no deltas of these yet`,
    help: "Bring the whole tarball: bin/<app> unpack <file>",
  });

/** A release that only the host has: its files are known by their hashes, not by their bytes. */
function asToldBy({ version, releaseId, manifest: packed }: InventoryRelease) {
  if (packed === undefined) return undefined;
  const manifestBytes = unpackManifest(packed);
  if (releaseIdOf(manifestBytes) !== releaseId) return undefined;
  const manifest = parseManifest(manifestBytes, `the inventory's ${version}`);
  return { manifest, manifestBytes, read: async () => undefined };
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
