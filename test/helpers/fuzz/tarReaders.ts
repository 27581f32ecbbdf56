/** The tar readers of this machine, and what each makes of archives: many at once, since starting a process costs most. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { join } from "node:path";

/** `tar` may be another one under that name; each says who it is. */
const READERS: Record<string, { command: string[]; is: RegExp }> = {
  "GNU tar": { command: ["tar", "xof"], is: /GNU tar/ },
  "busybox tar": { command: ["busybox", "tar", "xof"], is: /BusyBox/ },
  bsdtar: { command: ["bsdtar", "xof"], is: /bsdtar/ },
};

/** Each archive `<n>.tar` into `<n>/root`; what a reader says of one that it does not take is kept. */
const EXTRACT = `folder=$1; shift
for file in "$folder"/*.tar; do
  "$@" "$file" -C "\${file%.tar}/root" 2>"$file.said" || echo "exit code $?" >>"$file.failed"
done`;

export interface Expected {
  /** Its place among all that were tried. */
  nth: number;
  tar: Buffer;
  /** `root/<path> <sha256> <executable>`, or `root/<path> -> <link>`. */
  tree: string[];
}

/** Those that are on this machine. */
export function readersHere(): string[] {
  return Object.entries(READERS).flatMap(([name, { command, is }]) => {
    const [program, ...rest] = command.slice(0, -1);
    const said = spawnSync(program!, [...rest, "--version"], { encoding: "utf8" });
    const help = spawnSync(program!, ["--help"], { encoding: "utf8" });
    return is.test(`${said.stdout}${said.stderr}${help.stdout}${help.stderr}`) ? [name] : [];
  });
}

/** `folder` has `<nth>.tar` of each. @throws where the reader makes another tree of one */
export function extractAll(reader: string, folder: string, archives: readonly Expected[]): void {
  const targetOf = ({ nth }: Expected) => join(folder, String(nth));
  for (const archive of archives) mkdirSync(join(targetOf(archive), "root"), { recursive: true });
  const args = ["-c", EXTRACT, "sh", folder, ...READERS[reader]!.command];
  spawnSync("sh", args, { stdio: "inherit" });
  for (const archive of archives) {
    const target = targetOf(archive);
    const said = `case ${archive.nth}, ${reader}: ${readFileSync(`${target}.tar.said`, "utf8")}`;
    assert.ok(!existsSync(`${target}.tar.failed`), said);
    assert.deepEqual(treeOf(target).sort(), archive.tree, said);
    rmSync(target, { recursive: true, force: true });
  }
}

function treeOf(folder: string, below = ""): string[] {
  return readdirSync(join(folder, below)).flatMap((name) => {
    const path = join(below, name);
    const info = lstatSync(join(folder, path));
    if (info.isSymbolicLink()) return `${path} -> ${readlinkSync(join(folder, path))}`;
    if (info.isDirectory()) return treeOf(folder, path);
    return `${path} ${sha256Of(readFileSync(join(folder, path)))} ${info.mode & 0o100}`;
  });
}

const sha256Of = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");
