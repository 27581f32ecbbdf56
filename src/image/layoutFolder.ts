/**
 * A folder of images (oci/layout.ts draws it), read and written with a registry's verbs. A file appears in
 * it whole; the index names it when it is there.
 */
import { randomBytes } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { filesBelow, ImageLayout, LAYOUT, tagged, tagIn } from "../oci/layout.ts";
import { LATEST } from "../oci/reference.ts";
import { digestOf, MANIFEST_TYPE, type ReleaseSource } from "../oci/source.ts";
import { exists } from "../platform/files.ts";

const MARKER = JSON.stringify({ imageLayoutVersion: "1.0.0" });

export class LayoutFolder implements ReleaseSource {
  readonly where: string;
  readonly #layout: ImageLayout;

  constructor(folder: string) {
    this.where = folder;
    this.#layout = new ImageLayout(filesBelow(folder));
  }

  /** By tag or digest. With `latest`, the only one that there is, too. */
  async manifest(reference: string): Promise<{ bytes: string; digest: string } | undefined> {
    const { manifests } = await this.#index();
    const named = manifests.find((entry) => tagIn(entry) === reference);
    const only = reference === LATEST && manifests.length === 1 ? manifests[0] : undefined;
    const digest = reference.startsWith("sha256:") ? reference : (named ?? only)?.digest;
    if (digest === undefined || !(await this.has(digest))) return undefined;
    const bytes = await this.#layout.bytesOf(digest);
    return { bytes: Buffer.from(bytes).toString("utf8"), digest };
  }

  read(...asked: Parameters<ReleaseSource["read"]>): Promise<void> {
    return this.#layout.read(...asked);
  }

  has(digest: string): Promise<boolean> {
    return exists(this.#at(LAYOUT.blob(digest)));
  }

  async put(digest: string, body: Blob): Promise<void> {
    await this.#write(LAYOUT.blob(digest), Readable.fromWeb(body.stream() as never));
  }

  /** @returns its digest. `tag`: a digest, for one that an index names */
  async putManifest(tag: string, bytes: string, mediaType = MANIFEST_TYPE): Promise<string> {
    const digest = digestOf(bytes);
    await this.put(digest, new Blob([bytes]));
    if (tag.startsWith("sha256:")) return digest;
    const index = await this.#index();
    const others = index.manifests.filter((entry) => tagIn(entry) !== tag);
    const entry = tagged({ mediaType, digest, size: Buffer.byteLength(bytes) }, tag);
    const next = JSON.stringify({ ...index, manifests: [...others, entry] });
    await this.#write(LAYOUT.marker, Readable.from([MARKER]));
    await this.#write(LAYOUT.index, Readable.from([next]));
    return digest;
  }

  async #index() {
    return (await this.#layout.index()) ?? { schemaVersion: 2, manifests: [] };
  }

  #at(path: string): string {
    return join(this.where, path);
  }

  async #write(path: string, content: Readable): Promise<void> {
    const target = this.#at(path);
    await mkdir(dirname(target), { recursive: true });
    const temporary = `${target}.${randomBytes(6).toString("hex")}.tmp`;
    try {
      await pipeline(content, createWriteStream(temporary, { flags: "wx" }));
      await rename(temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
  }
}
