/** A store in a folder of this machine, or of a disk that several machines share. */
import { randomBytes } from "node:crypto";
import { link, mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { filesBelow, ifGone } from "../oci/layout.ts";
import { fault } from "../platform/faults.ts";
import { ensureFolder, exists, renameDurably, syncFolder, writeSynced } from "../platform/files.ts";
import { sha256OfFile } from "../platform/sha256.ts";
import { someAtOnce } from "../platform/turns.ts";
import { type Listed, type NewFile, OWN, type StoreFiles } from "./files.ts";

const WRITES_AT_ONCE = 8;

export class Directory implements StoreFiles {
  readonly where: string;
  readonly isHere = true;
  readonly #root: string;

  constructor(root: string) {
    this.where = root;
    this.#root = root;
  }

  async list(folder: string): Promise<Listed[]> {
    const names = await readdir(this.#at(folder)).catch(ifGone([] as string[]));
    const listed: Listed[] = [];
    for (const name of names) {
      const info = await stat(this.#at(`${folder}/${name}`)).catch(ifGone(undefined));
      if (info) listed.push({ name, bytes: info.size, changedMs: info.mtimeMs });
    }
    return listed;
  }

  async present(paths: readonly string[]): Promise<Set<string>> {
    const there = new Set<string>();
    for (const path of paths) if (await exists(this.#at(path))) there.add(path);
    return there;
  }

  async sums(paths: readonly string[]): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    for (const path of paths) {
      const sum = await sha256OfFile(this.#at(path)).catch(ifGone(undefined));
      if (sum !== undefined) found.set(path, sum);
    }
    return found;
  }

  read(paths: readonly string[]) {
    return filesBelow(this.#root).read(paths);
  }

  async nowMs(): Promise<number> {
    const probe = await this.#write("store.clock", { path: "", bytes: Buffer.alloc(1) });
    try {
      return (await stat(probe)).mtimeMs;
    } finally {
      await rm(probe, { force: true });
    }
  }

  /** Several at a time: each waits for the disk. */
  async put(files: readonly NewFile[]): Promise<void> {
    await someAtOnce(WRITES_AT_ONCE, files, (file) => this.#place(file, renameDurably));
  }

  async create(file: NewFile): Promise<boolean> {
    try {
      await this.#place(file, linkDurably);
      return true;
    } catch (error) {
      const { code, syscall } = error as NodeJS.ErrnoException;
      if (code === "EEXIST" && syscall === "link") return false;
      throw error;
    }
  }

  async remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) {
      await fault(`${labelOf(path)}:remove`, this.#at(path));
      await rm(this.#at(path), { recursive: true, force: true });
    }
  }

  async close(): Promise<void> {}

  async #place(file: NewFile, move: typeof renameDurably): Promise<void> {
    const target = this.#at(file.path);
    const label = labelOf(file.path);
    const temporary = await this.#write(label, file);
    try {
      await makeFolder(dirname(target));
      await move(label, temporary, target);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  #at(path: string): string {
    return join(this.#root, path);
  }

  /** A random name: on a shared disk, another machine's process may have our pid. */
  async #write(label: string, { bytes }: NewFile): Promise<string> {
    const folder = this.#at(OWN.temporary);
    // Node's own recursion goes round for ever where none may be made, as in /proc.
    await ensureFolder(folder, 0o777);
    const temporary = join(folder, randomBytes(12).toString("hex"));
    await writeSynced(label, temporary, bytes, { flags: "wx" });
    return temporary;
  }
}

/** Where a rename would replace what somebody else has created meanwhile. */
async function linkDurably(label: string, from: string, to: string): Promise<void> {
  await fault(`${label}:rename`, to);
  await link(from, to);
  await fault(`${label}:renamed`, to);
  await syncFolder(dirname(to));
}

/** With the folders above it, each as durable as what is written into it. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) {
    await syncFolder(dirname(made));
  }
}

/** `store.blobs`, `store.index`, `store.lock` …: by what is written. */
const labelOf = (path: string) => `store.${path.replace(`${OWN.folder}/`, "").split(/[/.]/)[0]}`;
