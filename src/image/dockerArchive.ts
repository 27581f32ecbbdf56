/** A layout as a file that `docker load` takes, also before 25: that reads manifest.json and no index.json. */
import { createWriteStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { finished } from "node:stream/promises";
import { pack } from "tar-stream";
import { LAYOUT } from "../oci/layout.ts";
import { LATEST, REPOSITORY, tagOf } from "../oci/reference.ts";
import type { Descriptor } from "../oci/source.ts";
import type { ImageLabels } from "./document.ts";
import type { LayoutFolder } from "./layoutFolder.ts";

/** As we write them ourselves: of an image, or the index of several. */
interface Document {
  config: Descriptor;
  layers: Descriptor[];
  annotations: ImageLabels;
  manifests?: (Descriptor & { platform: { architecture: string } })[];
}

/** The same bytes each time: in the order of their names, of no time. `file` must not lie in the layout. */
export async function writeDockerArchive(layout: LayoutFolder, file: string): Promise<void> {
  const folder = layout.where;
  const below = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = below
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)));
  const images = JSON.stringify(await imagesIn(layout));
  const tar = pack();
  const out = createWriteStream(file, { flags: "wx" });
  tar.pipe(out);
  // Awaited at the end, and heard of from now on: a disk may be full at once.
  const written = finished(out);
  written.catch(() => {});
  const add = (name: string, bytes: Buffer | string) =>
    tar.entry({ name, mtime: new Date(0) }, bytes);
  add("manifest.json", images);
  for (const path of paths.sort()) add(path, await readFile(join(folder, path)));
  tar.finalize();
  await written;
}

async function imagesIn(layout: LayoutFolder) {
  const read = async (reference: string): Promise<Document> =>
    JSON.parse((await layout.manifest(reference))!.bytes);
  const top = await read(LATEST);
  if (top.manifests === undefined) return [imageOf(top)];
  const images = [];
  for (const { digest, platform } of top.manifests) {
    // A name is one image there.
    images.push(imageOf(await read(digest), `-${platform.architecture}`));
  }
  return images;
}

function imageOf({ config, layers, annotations }: Document, suffix = "") {
  const name = annotations["org.opencontainers.image.title"].toLowerCase();
  const version = annotations["org.opencontainers.image.version"];
  const isName = new RegExp(`^${REPOSITORY}$`).test(name);
  return {
    Config: LAYOUT.blob(config.digest),
    RepoTags: isName ? [`${name}:${tagOf(version)}${suffix}`] : null,
    Layers: layers.map(({ digest }) => LAYOUT.blob(digest)),
  };
}
