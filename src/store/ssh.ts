/**
 * A store in a folder behind ssh. The other side needs a POSIX shell and coreutils, nothing of ours:
 * each verb is one script below, its paths and bytes come over stdin. A connection that is cut ends a
 * script in the middle of a file; so what arrives is held against its SHA-256 before it gets its name.
 */

import { randomBytes } from "node:crypto";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";
import { defined } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { sha256 } from "../release/manifest.ts";
import { openTransport, type RunOptions, type Transport } from "../transport/index.ts";
import type { Listed, NewFile, StoreFiles } from "./files.ts";
import { parseSshAddress } from "./reference.ts";

/** `$1`: the store; `$2`: what else a script needs. */
const LIST = `
cd -- "$1/$2" 2>/dev/null || exit 0
# What goes between find and stat, as a lock does, is worth another look.
for look in 1 2 3 4 5; do
  found=$(find . -mindepth 1 -maxdepth 1 -exec stat -c '%s %Y %n' {} +) || continue
  printf '%s\\n' "$found"
  exit 0
done
exit 1`;

const PRESENT = `
cd -- "$1" 2>/dev/null || exit 0
while IFS= read -r path; do
  if [ -e "$path" ]; then printf '%s\\n' "$path"; fi
done`;

const SUMS = `
cd -- "$1" 2>/dev/null || exit 0
while IFS= read -r path; do
  if [ -f "$path" ]; then sha256sum "$path"; fi
done`;

/** A file answers with its size in a line, then its bytes; "-" if it is not there. */
const READ = `
cd -- "$1" 2>/dev/null || cd /
while IFS= read -r path; do
  if [ -f "$path" ]; then
    { stat -L -c %s /dev/stdin && cat; } <"$path" 2>/dev/null || echo -
  else echo -; fi
done`;

/**
 * For each file a line "size sha256 path" and its bytes; dd takes no byte more than it is to. What
 * came before a line "place" is synced and gets its name; what no such line follows was cut off.
 */
const RECEIVE = `
set -f
mkdir -p -- "$1/.tsugi/tmp" && cd -- "$1" || exit 1
count=0 temporaries= moves= folders=
trap 'rm -f $temporaries' EXIT
trap 'exit 1' HUP INT TERM PIPE
while IFS=' ' read -r size sum path; do
  if [ "$size" = place ]; then
    mkdir -p $folders && sync $temporaries || exit 1
    for move in $moves; do
      temporary=\${move%%:*} path=\${move#*:}
      PLACE
    done
    sync $folders || exit 1
    rm -f $temporaries
    temporaries= moves= folders=
    continue
  fi
  count=$((count + 1))
  temporary=.tsugi/tmp/$2-$count
  temporaries="$temporaries $temporary" moves="$moves $temporary:$path"
  case "$path" in */*) folder=\${path%/*} ;; *) folder=. ;; esac
  case "$folders " in *" $folder "*) ;; *) folders="$folders $folder" ;; esac
  blocks=$((size / 65536)) rest=$((size % 65536))
  {
    [ "$blocks" -eq 0 ] || dd bs=65536 count="$blocks" iflag=fullblock status=none || exit 1
    [ "$rest" -eq 0 ] || dd bs="$rest" count=1 iflag=fullblock status=none || exit 1
  } >"$temporary" || exit 1
  found=$(sha256sum <"$temporary")
  if [ "\${found%% *}" != "$sum" ]; then echo "$path did not arrive whole" >&2; exit 1; fi
done`;

const PUT = RECEIVE.replace("PLACE", `mv -f "$temporary" "$path" || exit 1`);

/**
 * A link, because a rename would replace what somebody else has created meanwhile. One that fails where
 * nothing is any more was in the way of something that has gone since, as a lock does: worth another look.
 */
const CREATE = RECEIVE.replace(
  "PLACE",
  `for look in 1 2 3 4 5; do
        if problem=$(ln "$temporary" "$path" 2>&1); then echo created; continue 2; fi
        [ ! -e "$path" ] || continue 2
      done
      printf '%s\\n' "$problem" >&2
      exit 1`,
);

/** So much is synced at once: each sync waits for the disk. */
const PLACED_BYTES = 16 * 1024 * 1024;
const PLACED_FILES = 200;

const REMOVE = `
cd -- "$1" 2>/dev/null || exit 0
while IFS= read -r path; do rm -rf "$path" || exit 1; done`;

export class SshFolder implements StoreFiles {
  readonly where: string;
  readonly isHere = false;
  readonly #transport: Transport;
  readonly #folder: string;

  constructor(address: string, configFile?: string) {
    const { folder, ...target } = parseSshAddress(address);
    this.where = address;
    this.#folder = folder;
    this.#transport = openTransport({ ...target, ...defined({ configFile }) });
  }

  async list(folder: string): Promise<Listed[]> {
    const lines = await this.#run(LIST, folder);
    return lines.split("\n").flatMap((line) => {
      const match = /^(\d+) (\d+) \.\/([A-Za-z0-9_][A-Za-z0-9._+-]*)$/.exec(line);
      if (match === null) return [];
      return [{ bytes: Number(match[1]), changedMs: Number(match[2]) * 1000, name: match[3]! }];
    });
  }

  async present(paths: readonly string[]): Promise<Set<string>> {
    if (paths.length === 0) return new Set();
    return new Set(
      (await this.#run(PRESENT, "", { stdin: lines(paths) })).split("\n").filter(Boolean),
    );
  }

  async sums(paths: readonly string[]): Promise<Map<string, string>> {
    if (paths.length === 0) return new Map();
    const said = (await this.#run(SUMS, "", { stdin: lines(paths) })).split("\n").filter(Boolean);
    return new Map(said.map((line) => [line.slice(66), line.slice(0, 64)]));
  }

  async read(paths: readonly string[]): Promise<(Buffer | undefined)[]> {
    if (paths.length === 0) return [];
    const stdout = new PassThrough();
    const asked = this.#run(READ, "", { stdin: lines(paths), stdout });
    const [answer] = await Promise.all([buffer(stdout), asked]);
    return unframed(answer, paths.length);
  }

  async nowMs(): Promise<number> {
    return Number(await this.#run("date +%s", "")) * 1000;
  }

  async put(files: readonly NewFile[] | AsyncIterable<NewFile>): Promise<void> {
    if (Array.isArray(files) && files.length === 0) return;
    await this.#run(PUT, randomName(), { stdin: framed(files) });
  }

  async create(file: NewFile): Promise<boolean> {
    const said = await this.#run(CREATE, randomName(), { stdin: framed([file]) });
    return said.trim() === "created";
  }

  async remove(paths: readonly string[]): Promise<void> {
    if (paths.length > 0) await this.#run(REMOVE, "", { stdin: lines(paths) });
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  async #run(script: string, argument: string, options: RunOptions = {}): Promise<string> {
    const argv = ["sh", "-c", script, "tsugi", this.#folder, argument];
    const result = await this.#transport.run(argv, options);
    if (result.exitCode === 0) return result.stdout;
    const said = result.stderr.trim().split("\n").at(-1);
    const problem = said || `a command there ended with ${result.exitCode}`;
    throw new TsugiError("TSUGI_STORE_FAILED", { store: this.where, problem });
  }
}

const randomName = () => randomBytes(12).toString("hex");

const lines = (paths: readonly string[]) => paths.map((path) => `${path}\n`).join("");

/** As READ answers. */
function unframed(answer: Buffer, count: number): (Buffer | undefined)[] {
  let at = 0;
  return Array.from({ length: count }, () => {
    const start = answer.indexOf("\n", at) + 1;
    const size = answer.toString("latin1", at, start - 1);
    at = start + (size === "-" ? 0 : Number(size));
    if (start === 0 || at > answer.length) throw new Error("it ended in the middle of a file");
    return size === "-" ? undefined : answer.subarray(start, at);
  });
}

async function* framed(
  files: readonly NewFile[] | AsyncIterable<NewFile>,
): AsyncGenerator<Uint8Array> {
  let pending = { files: 0, bytes: 0 };
  for await (const { path, bytes } of files) {
    yield Buffer.from(`${bytes.length} ${sha256(bytes)} ${path}\n`);
    yield bytes;
    pending = { files: pending.files + 1, bytes: pending.bytes + bytes.length };
    if (pending.files < PLACED_FILES && pending.bytes < PLACED_BYTES) continue;
    yield Buffer.from("place\n");
    pending = { files: 0, bytes: 0 };
  }
  if (pending.files > 0) yield Buffer.from("place\n");
}
