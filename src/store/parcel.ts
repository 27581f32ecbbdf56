/**
 * A release as it goes into a store: held against its manifest, and cut into the layers that its tarball
 * is made of. What was not packed by a build (an install root, somebody's `tar czf`) is packed as one.
 */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { defined, isRecord, recordIn } from "../contract/checks.ts";
import { withoutLogin } from "../contract/login.ts";
import { type About, LAYER_TYPE, type Layer, titled } from "../oci/artefact.ts";
import { type PackedFile, type PackedGroup, textFile } from "../pack/fileSet.ts";
import { type OpenedRelease, visitRelease } from "../pack/inspect.ts";
import { type Member, membersOf } from "../pack/members.ts";
import { writeTarball } from "../pack/tarball.ts";
import { appDirName } from "../release/layout.ts";
import type { Manifest, ManifestFile } from "../release/manifest.ts";
import { unitOf } from "../release/units.ts";
import { describesPackage, type Package, packagesIn } from "./packages.ts";

export interface Parcel {
  opened: OpenedRelease;
  tarball: Buffer;
  layers: Layer[];
  about: About;
  packages: Package[];
}

/** `folder`: for what it needs meanwhile; `refuse` is asked before the files are read. */
export async function parcelOf(
  source: string,
  folder: string,
  refuse: (opened: OpenedRelease) => Promise<void>,
): Promise<Parcel> {
  let described = "";
  const copies = new Map<string, string>();
  const opened = await visitRelease(source, {
    opened: async (release) => {
      const { name, version } = release.manifest;
      described = `lib/${appDirName(name, version)}/package.json`;
      await refuse(release);
      return true;
    },
    copyTo: ({ path, link }) => {
      const isWanted = link === undefined && (path === described || describesPackage(path));
      if (!isWanted) return undefined;
      copies.set(path, join(folder, `package-${copies.size}.json`));
      return copies.get(path);
    },
  });
  const { [described]: own, ...others } = await textsOf(copies);
  const about = aboutIn(own, opened.manifest);
  const facts = { opened, about, packages: packagesIn(opened.manifest, Object.values(others)) };
  const asItIs = (await stat(source)).isFile() ? await readFile(source) : undefined;
  const members = asItIs === undefined ? [] : membersOf(asItIs, source);
  if (asItIs !== undefined && isParted(members, opened)) {
    return { ...facts, tarball: asItIs, layers: members.map(layerOf) };
  }
  const tarball = await readFile(await packed(source, folder, opened));
  return { ...facts, tarball, layers: membersOf(tarball, source).map(layerOf) };
}

async function textsOf(copies: ReadonlyMap<string, string>): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [path, copy] of copies) texts[path] = await readFile(copy, "utf8");
  return texts;
}

const layerOf = ({ start, end, sha256, unpackedSha256, first }: Member): Layer => ({
  mediaType: LAYER_TYPE,
  digest: `sha256:${sha256}`,
  size: end - start,
  diffId: `sha256:${unpackedSha256}`,
  ...titled(first),
});

/** Manifest and signature alone in front, whole files in each further member, the end by itself. */
function isParted(
  members: readonly Member[],
  { manifest, signature, manifestBytes }: OpenedRelease,
) {
  const inTar = (text: string) => 512 + Math.ceil(Buffer.byteLength(text) / 512) * 512;
  const head = inTar(manifestBytes) + (signature === undefined ? 0 : inTar(signature));
  const paths = new Set(manifest.files.map(({ path }) => path));
  const inside = members.slice(1, -1);
  return (
    inside.length > 0 &&
    members[0]!.unpackedBytes === head &&
    members.at(-1)!.unpackedBytes === 1024 &&
    inside.every(({ first }) => paths.has(first))
  );
}

/** Revisions are in versions that git has given: 1.2.0+57.8c0ffee1. */
const REVISION = /\+\d+\.([0-9a-f]{7,40})$/;

/** @param text package.json, where there is one */
function aboutIn(text: string | undefined, { version }: Manifest): About {
  const { license, repository } = recordIn(text) ?? {};
  const url = isRecord(repository) ? repository.url : repository;
  return defined({
    revision: REVISION.exec(version)?.[1],
    licenses: typeof license === "string" ? license : undefined,
    source: typeof url === "string" ? published(url) : undefined,
  });
}

/** Whoever may read the store reads it. */
const published = (url: string): string =>
  withoutLogin(url)
    .replace(/^git\+/, "")
    .replace(/\.git$/, "");

/** As the build packs it, from what lies in `source`. */
async function packed(source: string, folder: string, opened: OpenedRelease): Promise<string> {
  const { files, version } = opened.manifest;
  const places = new Map(files.map((file, at) => [file.path, join(folder, String(at))]));
  await visitRelease(source, { copyTo: ({ path }) => places.get(path) });
  const target = join(folder, "release.tar.gz");
  const own = `releases/${version}/release.json`;
  const head = [textFile(own, opened.manifestBytes)];
  if (opened.signature !== undefined) head.push(textFile(`${own}.sig`, opened.signature));
  await writeTarball(target, head, groupsOf(opened.manifest, places));
  return target;
}

/** The groups in which the build packs them: one for each folder. */
function groupsOf(manifest: Manifest, places: ReadonlyMap<string, string>): PackedGroup[] {
  const groups = new Map<string, PackedGroup>();
  for (const file of manifest.files) {
    const name = groupOf(file);
    const group = groups.get(name) ?? { files: [], entries: [], stable: isShared(name, manifest) };
    groups.set(name, group);
    group.files.push(packedFile(file, places.get(file.path)!));
    group.entries.push(file);
  }
  return [...groups.values()];
}

const packedFile = ({ path, mode, link }: ManifestFile, file: string): PackedFile => ({
  path,
  mode,
  source: link === undefined ? { file } : { link },
});

const groupOf = ({ path }: ManifestFile): string => {
  const [first, second] = path.split("/");
  return unitOf(path) ?? (first === "releases" ? `${first}/${second}` : first!);
};

/** Worth keeping compressed: not what changes with every version. */
const isShared = (group: string, { name, version }: Manifest): boolean =>
  group.includes("/") && group !== `lib/${appDirName(name, version)}` && !/^releases/.test(group);
