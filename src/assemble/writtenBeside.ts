/**
 * What a service has written beside its code at its trial: a database's own code, or a program that it
 * starts, does so past Node. The next version would begin without it.
 */
import { lstatSync } from "node:fs";
import { join } from "node:path";
import { filesBelow } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import { someOf } from "./unfollowed.ts";

/** What nobody misses. */
const CACHE = /(^|\/)(node_modules|\.?cache|__pycache__)(\/|$)/;

interface Written {
  path: string;
  place: string;
}

export class WrittenBeside {
  readonly #folder: string;
  readonly #before: ReadonlyMap<string, number>;

  constructor(folder: string) {
    this.#folder = folder;
    this.#before = this.#look();
  }

  /** Files that are new, or not as they were, and where: a folder that was not there, or the file itself. */
  found(): Written[] {
    return [...this.#look()]
      .filter(([path, time]) => this.#before.get(path) !== time)
      .map(([path]) => ({ path, place: this.#placeOf(path) }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
  }

  #placeOf(path: string): string {
    const parts = path.split("/");
    const folders = parts.slice(0, -1).map((_, at) => `${parts.slice(0, at + 1).join("/")}/`);
    const isOld = (folder: string) =>
      [...this.#before.keys()].some((one) => one.startsWith(folder));
    return folders.find((folder) => !isOld(folder))?.slice(0, -1) ?? path;
  }

  #look(): Map<string, number> {
    const files = filesBelow(this.#folder, ".", (name) => CACHE.test(name));
    return new Map(
      files
        .filter(({ source }) => !("link" in source))
        .map(({ path }) => [path.slice(2), lstatSync(join(this.#folder, path)).mtimeMs]),
    );
  }
}

export function tellWritten(written: readonly Written[], log: BuildLog): void {
  // `data.sqlite-wal` lives where `data.sqlite` does.
  const isJournal = (name: string) =>
    JOURNAL.test(name) && written.some(({ path }) => path === name.replace(JOURNAL, ""));
  const own = written.filter(({ path }) => !isJournal(path));
  if (own.length === 0) return;
  const places = [...new Set(own.map(({ place }) => place))];
  log.warn(
    `When it was tried, it wrote ${someOf(own.map(({ path }) => path))} beside its code: the next version would begin without. To live in var/ across versions: shared: [${places.map((path) => JSON.stringify(path)).join(", ")}] in tsugi.config.ts`,
  );
}

const JOURNAL = /-(wal|shm|journal)$/;
