/** What a store has: releases by name and version (release/stored.ts has its layout). */
import { TsugiError } from "../contract/errors.ts";
import { parseStored, STORE, type StoredRelease, storeDamaged } from "../release/stored.ts";
import { readStoredManifest, type StoredManifest } from "../release/storedFiles.ts";
import { readOne, type StoreFiles } from "./files.ts";
import { restoreTrash } from "./trash.ts";

export interface ReleaseName {
  /** Undefined: `version` is a tag or a digest in a registry's repository. */
  name?: string | undefined;
  /** `latest`: the one that was pushed last. */
  version: string;
}

export class StoreReader {
  readonly files: StoreFiles;

  constructor(files: StoreFiles) {
    this.files = files;
  }

  get where(): string {
    return this.files.where;
  }

  /** Of one app or of all; by name, the newest push first. */
  async list(name?: string): Promise<StoredRelease[]> {
    const { files } = this;
    const names = name === undefined ? await files.list(STORE.releases) : [{ name }];
    const paths: string[] = [];
    for (const app of names) {
      const folder = `${STORE.releases}/${app.name}`;
      const entries = await files.list(folder);
      paths.push(...entries.filter(isRelease).map((entry) => `${folder}/${entry.name}`));
    }
    const releases: StoredRelease[] = [];
    for await (const { path, bytes } of files.read(paths)) {
      // Gone: somebody prunes.
      if (bytes !== undefined) releases.push(parseStored(text(bytes), this.fileOf(path), path));
    }
    if (releases.length === 0) await this.#refuseIfGone();
    return releases.sort(byNameAndPush);
  }

  /** @throws TSUGI_NOT_IN_STORE */
  async find({ name, version }: ReleaseName): Promise<StoredRelease> {
    if (name === undefined) throw new TsugiError("TSUGI_REFERENCE_INVALID", { text: version });
    const found =
      version === "latest" ? (await this.list(name))[0] : await this.lookUp(name, version);
    if (found !== undefined) return found;
    await this.#refuseIfGone();
    throw new TsugiError("TSUGI_NOT_IN_STORE", { store: this.where, name, version });
  }

  async lookUp(name: string, version: string): Promise<StoredRelease | undefined> {
    const path = STORE.release(name, version);
    const bytes = await readOne(this.files, path);
    return bytes === undefined ? undefined : parseStored(text(bytes), this.fileOf(path), path);
  }

  /** Kilobytes: nothing else of the release is read. */
  manifest(stored: StoredRelease): Promise<StoredManifest> {
    return readStoredManifest(stored, this);
  }

  /** The folder, whatever is in it. */
  async isThere(): Promise<boolean> {
    return (await this.files.present(["."])).size > 0;
  }

  close(): Promise<void> {
    return this.files.close();
  }

  fileOf(path: string): string {
    return `${this.where}/${path}`;
  }

  async *open(path: string): AsyncGenerator<Uint8Array> {
    for await (const { bytes } of this.readAll([path])) yield bytes;
  }

  /** @throws TSUGI_STORE_DAMAGED where one is not there */
  async *readAll(paths: readonly string[]): AsyncGenerator<{ path: string; bytes: Uint8Array }> {
    for await (const { path, bytes } of this.files.read(paths)) {
      const found = bytes ?? (await this.#fromTrash(path));
      if (found === undefined) throw storeDamaged(this.fileOf(path), "it is not there");
      yield { path, bytes: found };
    }
  }

  /** A disk that is not mounted is not an empty store. */
  async #refuseIfGone(): Promise<void> {
    if (await this.isThere()) return;
    const details = { store: this.where, problem: "there is no such folder" };
    throw new TsugiError("TSUGI_STORE_FAILED", details);
  }

  /** A prune that was killed may have left there what is still used. */
  async #fromTrash(path: string): Promise<Uint8Array | undefined> {
    await restoreTrash(this.files);
    return readOne(this.files, path);
  }
}

const isRelease = ({ name }: { name: string }) => name.endsWith(".json") && !name.startsWith(".");

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("utf8");

const byNameAndPush = (a: StoredRelease, b: StoredRelease): number => {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  return a.pushedAt < b.pushedAt ? 1 : a.pushedAt > b.pushedAt ? -1 : 0;
};
