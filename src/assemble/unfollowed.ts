/** What the code names in a way that no build can follow: told by file and line, so that nobody misses it on a host. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { PackedFile } from "../pack/fileSet.ts";
import type { BuildLog } from "../pack/log.ts";
import type { Node } from "./ast.ts";

export interface Unfollowed {
  /** `src/mail.ts:12` */
  at: string;
  /** The expression, as it is written. */
  code: string;
  /** What is there of it, relative to the project. */
  path?: string;
}

/** `file` relative to the project. */
export function unfollowedAt(file: string, code: string, node: Node, path?: string): Unfollowed {
  const line = code.slice(0, node.start).split("\n").length;
  const found = { at: `${file}:${line}`, code: code.slice(node.start, node.end) };
  return path === undefined ? found : { ...found, path };
}

const WIDEST = 76;

/** What is packed all the same, or lives in var/, is no loss. */
export function tellUnfollowed(
  all: Iterable<Unfollowed>,
  files: ReadonlyMap<string, PackedFile>,
  log: BuildLog,
): void {
  const packed = [...files.keys()];
  const isPacked = (path: string) =>
    packed.some((file) => file === path || file.startsWith(`${path}/`));
  const lost = [...all].filter(({ path }) => path === undefined || !isPacked(path));
  if (lost.length === 0) return;
  const width = Math.max(...lost.map(({ at }) => at.length));
  const lines = lost.map(({ at, code }) => {
    const line = `    ${at.padEnd(width)}  ${code.replace(/\s+/g, " ")}`;
    return line.length > WIDEST ? `${line.slice(0, WIDEST - 1)}…` : line;
  });
  log.warn(
    `Not packed, since only a run can tell what it means. What is read goes into\n  files, what is written into shared, in tsugi.config.ts:\n${[...new Set(lines)].join("\n")}`,
  );
}

const SHOWN = 5;

/** The first of them, and how many more. */
export function someOf(names: readonly string[]): string {
  const shown = names.slice(0, SHOWN).join(", ");
  return names.length > SHOWN ? `${shown} and ${names.length - SHOWN} more` : shown;
}

/** A release is made of files: a folder without any is not there on a host. */
export function tellEmptyFolders(
  project: string,
  files: ReadonlyMap<string, PackedFile>,
  log: BuildLog,
): void {
  const empty = emptyBelow(project, "").filter((path) => !files.has(path));
  if (empty.length === 0) return;
  const first = JSON.stringify(empty[0]);
  log.note(
    `Empty folders are not packed: ${someOf(empty)}. What the app writes there lives in var/: shared: [${first}] in tsugi.config.ts`,
  );
}

const NO_FOLDER_OF_IT = /^(\..*|node_modules|dist|build|out|coverage)$/;

function emptyBelow(project: string, folder: string): string[] {
  const entries = readdirSync(join(project, folder), { withFileTypes: true });
  if (entries.length === 0) return folder === "" ? [] : [folder];
  return entries
    .filter((entry) => entry.isDirectory() && !NO_FOLDER_OF_IT.test(entry.name))
    .flatMap(({ name }) => emptyBelow(project, folder === "" ? name : `${folder}/${name}`));
}
