/**
 * Differential: whatever `tsugi verify` calls whole, GNU tar, busybox tar and bsdtar extract to the same tree,
 * and to no other path. An honest archive is spoilt block by block, with right checksums more often than
 * not, and in the ways that readers are known to differ in (rawTar.ts).
 *
 *   npm run long -- fuzz readers [--cases N] [--seconds N] [--seed N] [--write]
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { parseArgs } from "node:util";
import { gunzipSync } from "node:zlib";
import { writeSection } from "../../../scripts/lib/reliability.ts";
import { TsugiError } from "../../../src/contract/errors.ts";
import { readTar } from "../../../src/handler/tar.ts";
import { readManifest, verifyRelease } from "../../../src/pack/inspect.ts";
import { entriesOf, handmadeRelease, pack } from "../handmadeRelease.ts";
import { oneOf, random } from "../random.ts";
import { ambiguous } from "../rawTar.ts";
import { spoilt } from "./spoilTar.ts";
import { type Expected, extractAll, readersHere } from "./tarReaders.ts";

/** So many are extracted at once. */
const BATCH = 50;

export interface ReadersRun {
  cases: number;
  /** Passed what is looked at first, the form of the archive. */
  formed: number;
  /** Called whole, and then extracted by each reader. */
  whole: number;
  reasons: Map<string, number>;
  readers: string[];
}

export interface ReadersWish {
  cases: number;
  seed: number;
  /** Ends before all cases where they take longer. */
  seconds?: number;
  readers?: string[];
}

/** @throws where a reader extracts something else than what was verified */
export async function fuzzReaders({
  cases,
  seed,
  seconds = Number.POSITIVE_INFINITY,
  readers = readersHere(),
}: ReadersWish): Promise<ReadersRun> {
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
  const deadline = performance.now() + seconds * 1000;
  let batch: Expected[] = [];
  const extract = () => {
    for (const { nth, tar } of batch) writeFileSync(join(folder, `${nth}.tar`), tar);
    for (const reader of readers) extractAll(reader, folder, batch);
    for (const { nth } of batch) {
      rmSync(join(folder, `${nth}.tar`));
      rmSync(join(folder, `${nth}.tar.said`), { force: true });
    }
    batch = [];
  };
  try {
    for (; run.cases < cases && performance.now() < deadline; run.cases += 1) {
      const tar =
        run.cases === 0 ? honest : spoilt(below(4) === 0 ? oneOf(known, below) : honest, below);
      if (!(await isFormed(tar))) continue;
      run.formed += 1;
      const hash = createHash("sha256").update(tar).digest("base64");
      if (tried.has(hash)) continue;
      tried.add(hash);
      const file = join(folder, "verified");
      writeFileSync(file, tar);
      const [reason, releaseId] = await reasonOf(file);
      run.reasons.set(reason, (run.reasons.get(reason) ?? 0) + 1);
      if (reason !== "") continue;
      run.whole += 1;
      batch.push({ nth: run.cases, tar, tree: await expectedTree(file, releaseId) });
      if (batch.length === BATCH) extract();
    }
    extract();
    return run;
  } catch (error) {
    const message = `seed ${seed}, up to case ${run.cases}: ${(error as Error).message}`;
    throw new Error(message, { cause: error });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function isFormed(tar: Buffer): Promise<boolean> {
  try {
    for await (const _entry of readTar(Readable.from([tar])));
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

async function expectedTree(file: string, releaseId: string): Promise<string[]> {
  const { files } = await readManifest(file);
  const tree = files.map(({ path, link, sha256, mode }) =>
    link === undefined ? `root/${path} ${sha256} ${mode & 0o100}` : `root/${path} -> ${link}`,
  );
  return [...tree, `root/releases/0.0.2/release.json ${releaseId} 0`].sort();
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      cases: { type: "string", default: "2000000" },
      seed: { type: "string" },
      seconds: { type: "string", default: "Infinity" },
      write: { type: "boolean", default: false },
    },
  });
  const seed = Number(values.seed ?? Date.now() % 1_000_000);
  const wish = { cases: Number(values.cases), seed, seconds: Number(values.seconds) };
  const run = await fuzzReaders(wish);
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
  const command = `npm run long -- fuzz readers --cases ${run.cases} --seed ${seed} --write`;
  writeSection({ name: "readers", command, body: `\`\`\`text\n${lines.join("\n")}\n\`\`\`` });
}

if (process.argv[2] === "readers") await main();
