/**
 * Differential: whatever `tsugi verify` calls whole, GNU tar, busybox tar and bsdtar extract to the same tree,
 * and to no other path. An honest archive is spoilt block by block, with right checksums more often than
 * not, and in the ways that readers are known to differ in (rawTar.ts).
 *
 *   npm run long -- fuzz readers [--cases N] [--seed N] [--write]
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { writeSection } from "../../../scripts/lib/reliability.ts";
import { TsugiError } from "../../../src/contract/errors.ts";
import { TarShape } from "../../../src/handler/tarShape.ts";
import { readManifest, verifyRelease } from "../../../src/pack/inspect.ts";
import { entriesOf, handmadeRelease, pack } from "../handmadeRelease.ts";
import { oneOf, type Random, random } from "../random.ts";
import { ambiguous, paxHeader, rawEntry, summed } from "../rawTar.ts";

const BLOCK = 512;

/** `tar` may be another one under that name; each says who it is. */
const READERS: Record<string, { command: string[]; is: RegExp }> = {
  "GNU tar": { command: ["tar", "xof"], is: /GNU tar/ },
  "busybox tar": { command: ["busybox", "tar", "xof"], is: /BusyBox/ },
  bsdtar: { command: ["bsdtar", "xof"], is: /bsdtar/ },
};

export interface ReadersRun {
  cases: number;
  /** Passed what is looked at first, the form of the archive. */
  formed: number;
  /** Called whole, and then extracted by each reader. */
  whole: number;
  reasons: Map<string, number>;
  readers: string[];
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

/** @throws where a reader extracts something else than what was verified */
export async function fuzzReaders(
  cases: number,
  seed: number,
  readers = readersHere(),
): Promise<ReadersRun> {
  const release = handmadeRelease("0.0.2", {
    "lib/wall-0.0.2/data.bin": { bytes: "0123456789".repeat(90) },
    [`lib/wall-0.0.2/${"long/".repeat(30)}name.js`]: { bytes: "long" },
  });
  const honest = gunzipSync(await pack(entriesOf(release)));
  const known = Object.values(ambiguous(honest, "lib/wall-0.0.2/app.mjs")).map((bytes) =>
    gunzipSync(bytes),
  );
  const folder = mkdtempSync(join(tmpdir(), "tsugi-readers-"));
  const run: ReadersRun = { cases: 0, formed: 0, whole: 0, reasons: new Map(), readers };
  const below = random(seed);
  const tried = new Set<string>();
  try {
    for (; run.cases < cases; run.cases += 1) {
      const tar =
        run.cases === 0 ? honest : spoilt(below(4) === 0 ? oneOf(known, below) : honest, below);
      if (!isFormed(tar)) continue;
      run.formed += 1;
      const hash = createHash("sha256").update(tar).digest("base64");
      if (tried.has(hash)) continue;
      tried.add(hash);
      const file = join(folder, "case.tar");
      writeFileSync(file, tar);
      const [reason, releaseId] = await reasonOf(file);
      run.reasons.set(reason, (run.reasons.get(reason) ?? 0) + 1);
      if (reason !== "") continue;
      run.whole += 1;
      const { files } = await readManifest(file);
      for (const reader of readers) compare(reader, folder, file, files, releaseId);
    }
    return run;
  } catch (error) {
    throw new Error(`seed ${seed}, case ${run.cases}: ${(error as Error).message}`, {
      cause: error,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isFormed(tar: Buffer): boolean {
  const shape = new TarShape();
  try {
    shape.push(tar);
    shape.end();
    return true;
  } catch {
    return false;
  }
}

/** Why it is refused; "" where it is whole. A manifest with a change in it may be of another release. */
async function reasonOf(file: string): Promise<[reason: string, releaseId: string]> {
  try {
    return ["", (await verifyRelease(file)).releaseId];
  } catch (error) {
    assert.ok(error instanceof TsugiError, (error as Error).stack);
    return [error.code, ""];
  }
}

function compare(
  reader: string,
  folder: string,
  file: string,
  files: readonly { path: string; size: number; sha256: string; link?: string; mode: number }[],
  releaseId: string,
): void {
  const target = join(folder, "tree");
  mkdirSync(join(target, "root"), { recursive: true });
  try {
    const [program, ...args] = READERS[reader]!.command;
    const { status, stderr } = spawnSync(program!, [...args, file, "-C", join(target, "root")], {
      encoding: "utf8",
    });
    assert.equal(status, 0, `${reader}: ${stderr}`);
    const expected = files.map(({ path, link, sha256, mode }) =>
      link === undefined ? `root/${path} ${sha256} ${mode & 0o100}` : `root/${path} -> ${link}`,
    );
    expected.push(`root/releases/0.0.2/release.json ${releaseId} 0`);
    assert.deepEqual(treeOf(target).sort(), expected.sort(), reader);
  } finally {
    rmSync(target, { recursive: true, force: true });
  }
}

const sha256Of = (bytes: string | Buffer) => createHash("sha256").update(bytes).digest("hex");

function treeOf(folder: string, below = ""): string[] {
  return readdirSync(join(folder, below)).flatMap((name) => {
    const path = join(below, name);
    const info = lstatSync(join(folder, path));
    if (info.isSymbolicLink()) return `${path} -> ${readlinkSync(join(folder, path))}`;
    if (info.isDirectory()) return treeOf(folder, path);
    return `${path} ${sha256Of(readFileSync(join(folder, path)))} ${info.mode & 0o100}`;
  });
}

/** Places in a header, and what is put there. */
const FIELDS: [at: number, length: number][] = [
  [0, 100],
  [100, 8],
  [108, 8],
  [116, 8],
  [124, 12],
  [136, 12],
  [156, 1],
  [157, 100],
  [257, 8],
  [265, 32],
  [297, 32],
  [329, 8],
  [337, 8],
  [345, 155],
  [500, 12],
];
const VALUES = [
  "",
  "\0",
  " ",
  "/",
  "0",
  "7",
  "0000644",
  "00000000000",
  "00000000005",
  "00000001000",
  "77777777777",
  "ustar",
  "ustar  \0",
  "etc/env",
  "../evil",
  "lib/",
  "x",
  "g",
  "L",
  "S",
  "1",
  "2",
  "5",
  "root",
  "\x80",
  "-1",
];
const KEYS = [
  "path",
  "linkpath",
  "size",
  "mtime",
  "uid",
  "gid",
  "comment",
  "hdrcharset",
  "GNU.sparse.name",
  "GNU.sparse.size",
  "GNU.sparse.major",
  "GNU.sparse.realsize",
  "SCHILY.realsize",
  "LIBARCHIVE.creationtime",
  "VENDOR.x",
];
const PAX_VALUES = [
  "",
  "0",
  "1",
  "5",
  "etc/env",
  "../evil",
  "lib/wall-0.0.2/app.mjs",
  "a\nb",
  "\0",
  "BINARY",
  "999999999999",
];

export function spoilt(tar: Buffer, below: Random): Buffer {
  let bytes: Buffer = Buffer.from(tar);
  for (let times = 1 + below(3); times > 0; times -= 1) bytes = spoiltOnce(bytes, below);
  return bytes;
}

function spoiltOnce(tar: Buffer, below: Random): Buffer {
  const at = BLOCK * below(Math.ceil(tar.length / BLOCK));
  const put = (blocks: Buffer, skipped = 0) =>
    Buffer.concat([tar.subarray(0, at), blocks, tar.subarray(at + skipped)]);
  switch (below(9)) {
    case 0:
      return put(Buffer.alloc(BLOCK * (1 + below(3))));
    case 1:
      return put(
        paxHeader(
          [[oneOf(KEYS, below), oneOf(PAX_VALUES, below)]],
          oneOf(["x", "x", "g", "X"], below),
        ),
      );
    case 2:
      return put(
        rawEntry(
          { name: oneOf(VALUES, below), type: oneOf([..."0125xgLKSV7"], below) },
          oneOf(VALUES, below),
        ),
      );
    case 3:
      return put(Buffer.alloc(0), BLOCK * (1 + below(2)));
    case 4:
      return put(tar.subarray(at, at + BLOCK * (1 + below(3))));
    case 5:
      return Buffer.concat([
        tar,
        oneOf(
          [
            Buffer.alloc(BLOCK),
            rawEntry({ name: "etc/env", type: "0" }, "x"),
            Buffer.alloc(100, "g"),
          ],
          below,
        ),
      ]);
    case 6:
      return tar.subarray(0, tar.length - BLOCK * below(4));
    default: {
      if (at + BLOCK > tar.length) return tar;
      const block = Buffer.from(tar.subarray(at, at + BLOCK));
      const [from, length] = oneOf(FIELDS, below);
      const isOne = below(2) === 0;
      if (isOne) block[from + below(length)] = below(256);
      else
        block
          .fill(0, from, from + length)
          .write(oneOf(VALUES, below).slice(0, length), from, "latin1");
      return put(below(8) === 0 ? block : summed(block), BLOCK);
    }
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      cases: { type: "string", default: "2000000" },
      seed: { type: "string" },
      write: { type: "boolean", default: false },
    },
  });
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const run = await fuzzReaders(Number(values.cases), seed);
  const number = (value: number) => value.toLocaleString("en");
  const refused = [...run.reasons].filter(([code]) => code !== "");
  const lines = [
    `${number(run.cases)} archives, seed ${seed}; readers: ${run.readers.join(", ")}`,
    `${number(run.cases - run.formed)} are not of the one form, ${number(run.formed)} are`,
    ...refused.map(([code, count]) => `${number(count)} ${code}`),
    `${number(run.whole)} different ones called whole, each extracted to the same tree by every reader`,
  ];
  console.log(lines.join("\n"));
  if (!values.write) return;
  const command = `npm run long -- fuzz readers --cases ${values.cases} --seed ${seed} --write`;
  writeSection({ name: "readers", command, body: `\`\`\`text\n${lines.join("\n")}\n\`\`\`` });
}

if (process.argv[2] === "readers") await main();
