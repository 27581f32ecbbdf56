/**
 * First half of an unpack: a release is written below `releases/.staging/<random>/`, every entry
 * held against the manifest, which comes first. Nothing outside that folder is touched, and
 * nothing that is not in the manifest is written at all.
 */

import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { type FileHandle, mkdir, open, statfs, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { TsugiError } from "../contract/errors.ts";
import { exists, syncFolder } from "../platform/files.ts";
import type { Layout } from "../release/layout.ts";
import {
  MAX_MANIFEST_BYTES,
  type Manifest,
  type ManifestFile,
  parseManifest,
  releaseIdOf,
} from "../release/manifest.ts";
import { type Unit, unitOf, unitsOf } from "../release/units.ts";
import type { Archive, ArchiveEntry } from "./archive.ts";
import { contentsProblem, foldersAbove } from "./contents.ts";
import { roomAt } from "./remove.ts";
import { checkSignature, firstDifference } from "./verify.ts";

const SPARE_BYTES = 16 * 1024 * 1024;
const SYNCED_AT_ONCE = 16;

export interface Opened {
  manifest: Manifest;
  manifestBytes: string;
  signature: string | undefined;
  releaseId: string;
}

export interface Progress {
  bytes: number;
  totalBytes: number;
}

/** What an unpack is about; every refusal names it. */
export class Stage {
  readonly #layout: Layout;
  readonly #source: string;
  readonly #folder: string;
  readonly #entries: AsyncIterator<ArchiveEntry>;
  readonly #archive: Archive;
  /** The entry after the manifest when that was no signature. */
  #held: ArchiveEntry | undefined;
  readonly #written: string[] = [];
  readonly #folders = new Set<string>();

  constructor(layout: Layout, source: string, archive: Archive, folder: string) {
    this.#layout = layout;
    this.#source = source;
    this.#archive = archive;
    this.#folder = folder;
    this.#entries = archive.entries[Symbol.asyncIterator]();
  }

  refuse(problem: string, cause?: unknown): TsugiError {
    const source = this.#source;
    return new TsugiError("TSUGI_UNPACK_REFUSED", { source, problem }, { cause });
  }

  /** Reads the manifest and its signature, and decides whether the rest may be read at all. */
  async open(version: string | undefined): Promise<Opened> {
    const first = await this.#next();
    const match = /^releases\/([^/]+)\/release\.json$/.exec(first?.path ?? "");
    if (first === undefined || !match) {
      throw this.refuse("a release begins with releases/<vsn>/release.json, this does not");
    }
    const manifestBytes = await this.#text(first);
    const manifest = parseManifest(manifestBytes, this.#source);
    if (manifest.version !== match[1]) {
      throw this.refuse(`folder ${match[1]} and manifest (${manifest.version}) disagree`);
    }
    if (version !== undefined && version !== manifest.version) {
      throw this.refuse(`it is version ${manifest.version}, asked for was ${version}`);
    }
    const problem = contentsProblem(manifest, this.#layout);
    if (problem !== undefined) throw this.refuse(problem);
    const total = sum(manifest.files);
    this.#archive.limitBytes(total + manifest.files.length * 4096 + SPARE_BYTES);
    this.#archive.expect(manifest);
    const signature = await this.#signature(`${first.path}.sig`);
    const { name, version: own } = manifest;
    await checkSignature(this.#layout, { name, version: own, manifestBytes, signature });
    return { manifest, manifestBytes, signature, releaseId: releaseIdOf(manifestBytes) };
  }

  /** Writes what is not on this host yet; what is, is only compared. `linked`: in the folder already. */
  async fill(
    { manifest }: Opened,
    { present, linked }: Record<"present" | "linked", readonly Unit[]>,
    onProgress?: (progress: Progress) => void,
  ) {
    const kept = new Set([...present, ...linked].map((unit) => unit.folder));
    const missing = manifest.files.filter(({ path }) => !kept.has(unitOf(path) ?? ""));
    await this.#checkSpace(sum(missing));
    await this.#read(manifest, missing, onProgress);
    await this.#comparePresent(present);
    await this.#sync();
  }

  /** Of a release that is here already: nothing is taken, and it has to be whole all the same. */
  async skip({ manifest }: Opened): Promise<void> {
    await this.#read(manifest, []);
  }

  async #read(
    manifest: Manifest,
    missing: readonly ManifestFile[],
    onProgress?: (progress: Progress) => void,
  ): Promise<void> {
    const wanted = new Map(manifest.files.map((file) => [file.path, file]));
    const ancestors = new Set(manifest.files.flatMap((file) => foldersAbove(file.path)));
    const lacking = new Set(missing.map(({ path }) => path));
    const totalBytes = sum(manifest.files);
    let bytes = 0;
    // Where only files can come that are on this host, the runtime as a rule, none of them is read.
    const maySkip = (await this.#archive.hasEnd?.()) ?? true;
    while (!maySkip || lacking.size > 0 || wanted.size === 0) {
      const entry = await this.#next();
      if (entry === undefined) break;
      if (entry.type === "folder" && ancestors.has(entry.path)) {
        await drain(entry);
        continue;
      }
      const file = wanted.get(entry.path);
      if (file === undefined) throw this.refuse(this.#unexpected(entry, manifest));
      wanted.delete(entry.path);
      await this.#take(entry, file, lacking.delete(entry.path));
      bytes += file.size;
      onProgress?.({ bytes, totalBytes });
    }
    const [path] = lacking;
    if (path !== undefined) throw this.refuse(`it ends before ${path} (truncated?)`);
  }

  async close(): Promise<void> {
    await this.#entries.return?.();
  }

  async #next(): Promise<ArchiveEntry | undefined> {
    const held = this.#held;
    this.#held = undefined;
    if (held) return held;
    try {
      const result = await this.#entries.next();
      return result.done ? undefined : result.value;
    } catch (cause) {
      throw this.#unreadable(cause);
    }
  }

  #unreadable(cause: unknown): TsugiError {
    if (cause instanceof TsugiError) return cause;
    return this.refuse(`it can't be read to its end (${(cause as Error).message})`, cause);
  }

  async #signature(path: string): Promise<string | undefined> {
    const entry = await this.#next();
    if (entry?.path === path) return this.#text(entry);
    this.#held = entry;
    return undefined;
  }

  async #text(entry: ArchiveEntry): Promise<string> {
    if (entry.type !== "file" || entry.size > MAX_MANIFEST_BYTES) {
      throw this.refuse(`${entry.path} is a ${entry.typeName} of ${entry.size} bytes`);
    }
    if (this.#archive.isTree !== true && entry.mode !== 0o644) {
      throw this.refuse(`${entry.path} has mode ${entry.mode.toString(8)}, expected 644`);
    }
    const bytes = await buffer(entry.body).catch((cause) => {
      throw this.#unreadable(cause);
    });
    // As text it would be other bytes, and have another SHA-256, than as a file.
    if (!isUtf8(bytes)) throw this.refuse(`${entry.path} is not UTF-8`);
    return bytes.toString("utf8");
  }

  #unexpected(entry: ArchiveEntry, manifest: Manifest): string {
    const twice = manifest.files.some((file) => file.path === entry.path);
    if (twice) return `${entry.path} is in it twice`;
    return `${JSON.stringify(entry.path)} (${entry.typeName}) is not in its manifest`;
  }

  async #take(entry: ArchiveEntry, file: ManifestFile, write: boolean): Promise<void> {
    const expected = file.link === undefined ? "file" : "link";
    if (entry.type !== expected) {
      throw this.refuse(`${entry.path} is a ${entry.typeName}, expected a ${expected}`);
    }
    const path = join(this.#folder, entry.path);
    if (file.link !== undefined) {
      if (entry.link !== file.link) {
        throw this.refuse(`${entry.path} links to ${entry.link}, expected ${file.link}`);
      }
      await drain(entry);
      if (write) await this.#makeLink(file.link, path);
      return;
    }
    if (entry.size !== file.size) {
      throw this.refuse(`${entry.path} has ${entry.size} bytes, expected ${file.size}`);
    }
    if (entry.mode !== file.mode) {
      const [found, wanted] = [entry.mode.toString(8), file.mode.toString(8)];
      throw this.refuse(`${entry.path} has mode ${found}, expected ${wanted}`);
    }
    const hash = await this.#copy(entry, write ? path : undefined);
    if (hash !== file.sha256) throw this.refuse(`${entry.path}: its SHA-256 differs`);
  }

  async #makeLink(target: string, path: string): Promise<void> {
    await this.#makeFolder(dirname(path));
    await symlink(target, path);
  }

  async #copy(entry: ArchiveEntry, path: string | undefined): Promise<string> {
    const hash = createHash("sha256");
    let file: FileHandle | undefined;
    if (path !== undefined) {
      await this.#makeFolder(dirname(path));
      file = await open(path, "wx", entry.mode);
      this.#written.push(path);
    }
    try {
      await file?.chmod(entry.mode);
      for await (const chunk of this.#guarded(entry)) {
        hash.update(chunk);
        await file?.writeFile(chunk);
      }
    } finally {
      await file?.close();
    }
    return hash.digest("hex");
  }

  /** The body, whose faults are the archive's and not the disk's. */
  async *#guarded(entry: ArchiveEntry): AsyncGenerator<Uint8Array> {
    const body = entry.body[Symbol.asyncIterator]();
    for (;;) {
      const result = await body.next().catch((cause) => {
        throw this.#unreadable(cause);
      });
      if (result.done) return;
      yield result.value;
    }
  }

  async #makeFolder(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    await mkdir(path, { recursive: true, mode: 0o755 });
    for (let folder = path; folder !== this.#folder; folder = dirname(folder)) {
      this.#folders.add(folder);
    }
  }

  async #checkSpace(neededBytes: number): Promise<void> {
    const disk = await statfs(this.#layout.root);
    const freeBytes = disk.bavail * disk.bsize;
    if (freeBytes >= neededBytes + SPARE_BYTES) return;
    throw new TsugiError("TSUGI_DISK_FULL", {
      root: this.#layout.root,
      neededMb: Math.ceil((neededBytes + SPARE_BYTES) / 1024 / 1024),
      freeMb: Math.floor(freeBytes / 1024 / 1024),
      room: await roomAt(this.#layout),
    });
  }

  async #comparePresent(present: readonly Unit[]): Promise<void> {
    for (const unit of present) {
      const difference = await firstDifference(this.#layout.root, unit.files);
      if (difference === undefined) continue;
      throw new TsugiError("TSUGI_FOLDER_CONFLICT", {
        folder: unit.folder,
        file: `${difference.path}: ${difference.problem}`,
      });
    }
  }

  /** A commit may follow at once, so all of it has to be on disk, not in a cache. */
  async #sync(): Promise<void> {
    const paths = [...this.#written];
    const worker = async () => {
      for (let path = paths.pop(); path !== undefined; path = paths.pop()) {
        const file = await open(path, "r");
        await file.sync().finally(() => file.close());
      }
    };
    await Promise.all(Array.from({ length: SYNCED_AT_ONCE }, worker));
    for (const folder of this.#folders) await syncFolder(folder);
  }
}

const sum = (files: readonly ManifestFile[]): number =>
  files.reduce((total, file) => total + (file.link === undefined ? file.size : 0), 0);

async function drain(entry: ArchiveEntry): Promise<void> {
  for await (const _chunk of entry.body);
}

/** Those folders of the release that are on this host already. */
export async function presentUnits(layout: Layout, manifest: Manifest): Promise<Unit[]> {
  const present: Unit[] = [];
  for (const unit of unitsOf(manifest)) {
    if (await exists(join(layout.root, unit.folder))) present.push(unit);
  }
  return present;
}
