/** Which store, and which release in it, a command line means. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { TsugiError } from "../contract/errors.ts";
import type { FoundRelease } from "../oci/take.ts";
import { lastBuilt } from "../pack/builds.ts";
import { beamBuildsIn, buildsIn, layoutOf } from "../release/layout.ts";
import type { Store, StoreReference } from "../store/index.ts";

export async function withStore<T>(
  location: string | undefined,
  body: (store: Store) => Promise<T>,
): Promise<T> {
  const { configuredStore, openStore } = await import("../store/index.ts");
  const store = await openStore(location ?? (await configuredStore(process.cwd())));
  try {
    return await body(store);
  } finally {
    await store.close();
  }
}

/** Calls with the release that a reference means. @throws TSUGI_NOT_IN_STORE */
export const withStored = <T>(
  reference: StoreReference,
  body: (store: Store, stored: FoundRelease) => Promise<T>,
): Promise<T> =>
  withStore(reference.store, async (store) => body(store, await store.find(reference)));

/**
 * The tarball that `tsugi push`, or another verb, means: the file itself, or the one in the tree of a build, a
 * version's folder or a project. @returns the folder itself where it has none, as an install root
 * @throws TSUGI_NOTHING_TO_PUSH
 */
export function sourceOf(place: string, verb = "push"): string {
  if (!existsSync(place) || !statSync(place).isDirectory()) return place;
  const trees = [place, ...foldersIn(buildsIn(place)), ...foldersIn(beamBuildsIn(place))].filter(
    hasRelease,
  );
  if (trees.length !== 1) {
    const names = trees.map((tree) => basename(tree)).join(", ");
    const found =
      trees.length === 0 ? "is no release" : `are releases of several applications (${names})`;
    throw new TsugiError("TSUGI_NOTHING_TO_PUSH", { folder: resolve(place), found, verb });
  }
  const tree = trees[0]!;
  const folder = existsSync(join(tree, "release.json"))
    ? tree
    : lastBuilt(tree, layoutOf(tree, "").releases);
  const [tarball] = namesIn(folder ?? "").filter((name) => name.endsWith(".tar.gz"));
  return tarball === undefined ? tree : join(folder!, tarball);
}

const hasRelease = (folder: string) =>
  existsSync(join(folder, "release.json")) || existsSync(layoutOf(folder, "").releases);

const namesIn = (folder: string): string[] => (existsSync(folder) ? readdirSync(folder) : []);

const foldersIn = (folder: string): string[] =>
  namesIn(folder)
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isDirectory());
