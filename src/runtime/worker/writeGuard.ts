/**
 * The folder of a version is the working directory, and nothing writes to it: what is written there
 * would be gone with the next version. A write below `<root>/lib` fails as on a file system that is
 * mounted read-only, and its message names the remedy; permissions would not hold back root, and
 * would be in the way of whoever removes the folder. Links out of it (`shared`) lead where they lead.
 *
 * Only what would change something is refused: `mkdir` of a folder that is there is no write.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

type AnyFunction = (this: unknown, ...args: unknown[]) => unknown;
type Functions = Record<string, AnyFunction>;

const { existsSync, lstatSync, readlinkSync, realpathSync } = fs;

/** Which of its arguments are paths that it writes to. */
const WRITES: Record<string, number[]> = {
  writeFile: [0],
  appendFile: [0],
  mkdir: [0],
  mkdtemp: [0],
  open: [0],
  rename: [0, 1],
  copyFile: [1],
  cp: [1],
  link: [1],
  symlink: [1],
  truncate: [0],
  unlink: [0],
  rm: [0],
  rmdir: [0],
};
/** These change nothing where there is nothing. */
const NEEDS_IT_THERE = new Set(["unlink", "rm", "rmdir", "truncate"]);

export function guardVersions(root: string): void {
  const lib = join(existsSync(root) ? realpathSync(root) : root, "lib");
  const isOurs = (name: string, args: unknown[]) =>
    WRITES[name]!.map((at) => pathOf(args[at])).find(
      (path) => path !== undefined && isRefused(name, args, path, lib),
    );
  for (const name of Object.keys(WRITES)) {
    wrap(fs as unknown as Functions, name, (args) => {
      const path = isOurs(name, args);
      if (path === undefined) return undefined;
      const callback = args.at(-1);
      const error = readOnly(name, path, lib);
      if (typeof callback !== "function") throw error;
      process.nextTick(callback as AnyFunction, error);
      return { value: undefined };
    });
    wrap(fs as unknown as Functions, `${name}Sync`, (args) => {
      const path = isOurs(name, args);
      if (path !== undefined) throw readOnly(name, path, lib);
      return undefined;
    });
    wrap(fs.promises as unknown as Functions, name, (args) => {
      const path = isOurs(name, args);
      return path === undefined ? undefined : { value: Promise.reject(readOnly(name, path, lib)) };
    });
  }
  syncBuiltinESMExports();
}

/** `instead` answers in place of the original, or lets it. */
function wrap(
  functions: Functions,
  name: string,
  instead: (args: unknown[]) => { value: unknown } | undefined,
): void {
  const original = functions[name];
  if (original === undefined) return;
  const guarded: AnyFunction = function (...args) {
    const answer = instead(args);
    return answer === undefined ? original.apply(this, args) : answer.value;
  };
  // `util.promisify(fs.open)` asks for what hangs on it.
  functions[name] = Object.defineProperties(guarded, Object.getOwnPropertyDescriptors(original));
}

function pathOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value instanceof URL && value.protocol === "file:") return fileURLToPath(value);
  return Buffer.isBuffer(value) ? value.toString() : undefined;
}

function isRefused(name: string, args: unknown[], path: string, lib: string): boolean {
  if (name === "open" && !opensToWrite(args[1])) return false;
  const full = resolve(path);
  if (!full.includes(`${sep}lib${sep}`)) return false;
  if (name === "mkdir" && existsSync(full)) return false;
  if (NEEDS_IT_THERE.has(name) && lstatSync(full, { throwIfNoEntry: false }) === undefined)
    return false;
  const reached = reachedBy(full, name !== "unlink" && name !== "rename");
  return reached.startsWith(lib + sep);
}

function opensToWrite(flags: unknown): boolean {
  if (typeof flags === "string") return /[wa+]/.test(flags);
  const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants;
  return typeof flags === "number" && (flags & (O_WRONLY | O_RDWR | O_CREAT)) !== 0;
}

/** Where a path leads, which may not be there yet: by the links of the folders above it, and its own. */
function reachedBy(path: string, follows: boolean, depth = 0): string {
  let above = dirname(path);
  let rest = basename(path);
  while (!existsSync(above)) {
    if (lstatSync(above, { throwIfNoEntry: false })?.isSymbolicLink()) break;
    rest = join(basename(above), rest);
    above = dirname(above);
  }
  const folder = existsSync(above) ? realpathSync(above) : reachedBy(above, true, depth + 1);
  const full = join(folder, rest);
  const isLink = follows && lstatSync(full, { throwIfNoEntry: false })?.isSymbolicLink();
  if (!isLink || depth > 8) return full;
  return reachedBy(resolve(folder, readlinkSync(full)), true, depth + 1);
}

function readOnly(name: string, path: string, lib: string): Error {
  const inside = relative(lib, resolve(path)).split(sep).slice(1);
  const what = inside[0] ?? path;
  const message = `EROFS: read-only file system, ${name} '${path}': the folder of a version is not written to. In tsugi.config.ts, shared: ["${what}"] keeps it in var/ across versions; or write below TSUGI_DATA_DIR`;
  return Object.assign(new Error(message), { errno: -30, code: "EROFS", syscall: name, path });
}
