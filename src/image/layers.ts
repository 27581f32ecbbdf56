/**
 * A release as layers of an image, those that change least at the bottom, as a registry and the disk of a
 * node share them:
 *
 *   runtime │ packages … │ tsugi │ application and release.json │ the user, and the folders that it writes
 *
 * They are compressed once (pack/keptMembers.ts): a tarball's files are unpacked only where a layer is new.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { LAYER_TYPE, type Layer } from "../oci/artefact.ts";
import { cachePath } from "../pack/cache.ts";
import { type OpenedRelease, visitRelease } from "../pack/inspect.ts";
import { findMember, type KeptMember, keepMember, keptMember } from "../pack/keptMembers.ts";
import type { BuildLog } from "../pack/log.ts";
import { compress } from "../pack/tarball.ts";
import { canonicalJson, type ManifestFile } from "../release/manifest.ts";
import type { Account } from "./account.ts";
import { type LayerPlan, planLayers } from "./layerPlan.ts";
import { type LayerEntry, tarOfLayer, textEntry, withParents } from "./layerTar.ts";

export interface ImageLayer extends Layer {
  title: string;
  file: string;
}

/** Part of the name of a kept layer: another one starts afresh. */
const FORMAT = 1;

/** @throws TSUGI_RELEASE_DIFFERS, TSUGI_RELEASE_UNREADABLE */
export async function releaseLayers(
  place: string,
  opened: OpenedRelease,
  root: string,
  log: BuildLog,
): Promise<ImageLayer[]> {
  const plans = planLayers(opened.manifest).map((plan) => {
    const head = plan.isApplication ? headOf(opened, root) : [];
    return { ...plan, head, key: keyFor({ root, files: plan.files, head }) };
  });
  const found = await Promise.all(plans.map(({ key }) => findMember(key)));
  const unpacked = await unpack(
    place,
    plans.filter((_, at) => found[at] === undefined),
  );
  const make = async ({ title, files, head, key }: (typeof plans)[number]) => {
    log.step(`Compressing ${title}, once`);
    const entries = files.map((one) => entryOf(one, root, unpacked.at(one.path)));
    return keepMember(key, await layerOf([...entries, ...head]));
  };
  try {
    const layers: ImageLayer[] = [];
    for (const [at, plan] of plans.entries()) {
      layers.push(await described(plan.title, found[at] ?? (await make(plan))));
    }
    return layers;
  } finally {
    await unpacked.remove();
  }
}

/** The user of the application, and the folders in which it may write. */
export async function accountLayer(
  { uid, gid, files }: Account,
  root: string,
): Promise<ImageLayer> {
  const folder = (name: string, mode: number): LayerEntry => ({
    path: `${root}/${name}`,
    mode,
    body: "folder",
    owner: { uid, gid },
  });
  const entries = [
    ...Object.entries(files ?? {}).map(([name, text]) => textEntry(`etc/${name}`, text)),
    folder("etc", 0o750),
    folder("log", 0o750),
    folder("run", 0o700),
    folder("var", 0o750),
    // Into these a later release is unpacked, beside the one of the image.
    ...["lib", "releases", "runtime"].map((name) => folder(name, 0o755)),
  ];
  return described(`user ${uid}`, await keptMember(keyFor({ entries }), () => layerOf(entries)));
}

const keyFor = (what: object): string => `image ${FORMAT}\n${canonicalJson(what)}`;

const layerOf = async (entries: LayerEntry[]) => compress(await tarOfLayer(withParents(entries)));

const entryOf = ({ path, mode, link }: ManifestFile, root: string, file: string): LayerEntry => ({
  path: `${root}/${path}`,
  mode,
  body: link === undefined ? { file } : { link },
});

/** What is in no manifest: the manifest, and its signature. */
function headOf({ manifest, manifestBytes, signature }: OpenedRelease, root: string): LayerEntry[] {
  const path = `${root}/releases/${manifest.version}/release.json`;
  const signed = signature === undefined ? [] : [textEntry(`${path}.sig`, signature)];
  return [textEntry(path, manifestBytes), ...signed];
}

/** Files of a tarball, held against its manifest. */
async function unpack(place: string, plans: readonly LayerPlan[]) {
  await mkdir(cachePath("members"), { recursive: true });
  const folder = await mkdtemp(cachePath("members", "image-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  const paths = plans.flatMap(({ files }) => files.map(({ path }) => path));
  const copies = new Map(paths.map((path, index) => [path, join(folder, String(index))]));
  const copyTo = ({ path, link }: ManifestFile) =>
    link === undefined ? copies.get(path) : undefined;
  try {
    if (copies.size > 0) await visitRelease(place, { copyTo });
  } catch (error) {
    await remove();
    throw error;
  }
  return { at: (path: string) => copies.get(path) ?? "", remove };
}

async function described(title: string, { path, sha256 }: KeptMember): Promise<ImageLayer> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), createGunzip(), hash);
  return {
    title,
    file: path,
    mediaType: LAYER_TYPE,
    digest: `sha256:${sha256}`,
    size: (await stat(path)).size,
    diffId: `sha256:${hash.digest("hex")}`,
  };
}
