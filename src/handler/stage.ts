/**
 * First half of an unpack: a release is written below `releases/.staging/<random>/`, every entry
 * held against the manifest, which comes first. Nothing outside that folder is touched, and
 * nothing that is not in the manifest is written at all.
 */

import { isUtf8 } from "node:buffer";
import { type FileHandle, open, statfs, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { buffer } from "node:stream/consumers";
import { TsugiError } from "../contract/errors.ts";
import { remedyOf } from "../contract/systemErrors.ts";
import { ensureFolder, exists, syncFolder } from "../platform/files.ts";
import { someAtOnce } from "../platform/turns.ts";
import type { Layout } from "../release/layout.ts";
import {
  MAX_MANIFEST_BYTES,
  type Manifest,
  type ManifestFile,
  parseManifest,
  releaseIdOf,
} from "../release/manifest.ts";
import { type Unit, unitOf, unitsOf } from "../release/units.ts";
import { type Archive, type OpenedRelease, readBody } from "./archive.ts";
import { contentsProblem, foldersAbove } from "./contents.ts";
import { roomAt } from "./remove.ts";
import type { ArchiveEntry } from "./tar.ts";
import { checkSignature, firstDifference } from "./verify.ts";

const SPARE_BYTES = 16 * 1024 * 1024;
const SYNCED_AT_ONCE = 16;

export interface Progress {
  bytes: number;
  totalBytes: number;
}

/** What an unpack is about; every refusal names it. */
export class Stage {
  readonly #layout: Layout;
  readonly #source: string;
  readonly #folder: string;
  readonly #entries: AsyncGenerator<ArchiveEntry, undefined>;
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
    this.#entries = this.#guarded(archive.entries);
  }

  /** What the system refused is said with what shows why: building it again would not help. */
  refuse(problem: string, cause?: unknown): TsugiError {
    const source = this.#source;
    const { code, path, dest } = (cause ?? {}) as NodeJS.ErrnoException & { dest?: string };
    const remedy = remedyOf(code, dest === undefined ? (path ?? this.#layout.root) : dirname(dest));
    if (remedy !== undefined)
      return new TsugiError("TSUGI_UNPACK_FAILED", { source, problem, remedy }, { cause });
    return new TsugiError("TSUGI_UNPACK_REFUSED", { source, problem }, { cause });
  }

  /** Reads the manifest and its signature, and decides whether the rest may be read at all. */
  async open(version: string | undefined): Promise<OpenedRelease> {
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
    await checkSignature(this.#layout, { manifest, manifestBytes, signature });
    return { manifest, manifestBytes, signature, releaseId: releaseIdOf(manifestBytes) };
  }

  /** Writes what is not on this host yet; what is, is only compared. `linked`: in the folder already. */
  async fill(
    { manifest }: OpenedRelease,
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
  async skip({ manifest }: OpenedRelease): Promise<void> {
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
      if (entry.type === "directory" && ancestors.has(entry.path)) continue;
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
    await this.#entries.return(undefined);
  }

  async #next(): Promise<ArchiveEntry | undefined> {
    const held = this.#held;
    this.#held = undefined;
    return held ?? (await this.#entries.next()).value;
  }

  /** What comes of it, whose faults are the archive's and not the disk's. */
  async *#guarded<T>(items: AsyncIterable<T>): AsyncGenerator<T, undefined> {
    try {
      yield* items;
    } catch (cause) {
      if (cause instanceof TsugiError) throw cause;
      throw this.refuse(`it can't be read to its end (${(cause as Error).message})`, cause);
    }
  }

  async #signature(path: string): Promise<string | undefined> {
    const entry = await this.#next();
    if (entry?.path === path) return this.#text(entry);
    this.#held = entry;
    return undefined;
  }

  async #text(entry: ArchiveEntry): Promise<string> {
    if (entry.type !== "file" || entry.size > MAX_MANIFEST_BYTES) {
      throw this.refuse(`${entry.path} is a ${entry.type} of ${entry.size} bytes`);
    }
    if (this.#archive.isTree !== true && entry.mode !== 0o644) {
      throw this.refuse(`${entry.path} has mode ${entry.mode.toString(8)}, expected 644`);
    }
    const bytes = await buffer(this.#guarded(entry.body));
    // As text it would be other bytes, and have another SHA-256, than as a file.
    if (!isUtf8(bytes)) throw this.refuse(`${entry.path} is not UTF-8`);
    return bytes.toString("utf8");
  }

  #unexpected(entry: ArchiveEntry, manifest: Manifest): string {
    const twice = manifest.files.some((file) => file.path === entry.path);
    if (twice) return `${entry.path} is in it twice`;
    return `${JSON.stringify(entry.path)} (${entry.type}) is not in its manifest`;
  }

  async #take(entry: ArchiveEntry, file: ManifestFile, write: boolean): Promise<void> {
    if (entry.type !== (file.link === undefined ? "file" : "symlink")) {
      const expected = file.link === undefined ? "file" : "link";
      throw this.refuse(`${entry.path} is a ${entry.type}, expected a ${expected}`);
    }
    const path = join(this.#folder, entry.path);
    if (file.link !== undefined) {
      if (entry.link !== file.link) {
        throw this.refuse(`${entry.path} links to ${entry.link}, expected ${file.link}`);
      }
      if (!write) return;
      await this.#makeFolder(dirname(path));
      return symlink(file.link, path);
    }
    if (entry.size !== file.size) {
      throw this.refuse(`${entry.path} has ${entry.size} bytes, expected ${file.size}`);
    }
    if (entry.mode !== file.mode) {
      const [found, wanted] = [entry.mode.toString(8), file.mode.toString(8)];
      throw this.refuse(`${entry.path} has mode ${found}, expected ${wanted}`);
    }
    const target = write ? await this.#create(path, entry.mode) : undefined;
    const { sha256 } = await readBody(this.#guarded(entry.body), target);
    if (sha256 !== file.sha256) throw this.refuse(`${entry.path}: its SHA-256 differs`);
  }

  async #create(path: string, mode: number): Promise<FileHandle> {
    await this.#makeFolder(dirname(path));
    const file = await open(path, "wx", mode);
    this.#written.push(path);
    await file.chmod(mode);
    return file;
  }

  async #makeFolder(path: string): Promise<void> {
    if (this.#folders.has(path)) return;
    await ensureFolder(path);
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
    await someAtOnce(SYNCED_AT_ONCE, this.#written, async (path) => {
      const file = await open(path, "r");
      await file.sync().finally(() => file.close());
    });
    for (const folder of this.#folders) await syncFolder(folder);
  }
}

const sum = (files: readonly ManifestFile[]): number =>
  files.reduce((total, file) => total + (file.link === undefined ? file.size : 0), 0);

/** Those folders of the release that are on this host already. */
export async function presentUnits(layout: Layout, manifest: Manifest): Promise<Unit[]> {
  const present: Unit[] = [];
  for (const unit of unitsOf(manifest)) {
    if (await exists(join(layout.root, unit.folder))) present.push(unit);
  }
  return present;
}
