/** The corpus of the unpack fuzzer: archives worth keeping, each named by what has to become of it. */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Offer } from "./fuzzUnpack.ts";

export const corpusFolder = join(import.meta.dirname, "..", "fixtures", "unpack-corpus");

export const readCorpus = (name: string): Offer => ({
  bytes: readFileSync(join(corpusFolder, name)),
  delta: name.endsWith(".delta"),
});

/** What the fuzzer found: it is part of every test from now on. */
export function keepInCorpus({ bytes, delta }: Offer): string {
  const name = `refused-${createHash("sha256").update(bytes).digest("hex").slice(0, 12)}`;
  const path = join(corpusFolder, `${name}${delta ? ".delta" : ".tar.gz"}`);
  writeFileSync(path, bytes);
  return path;
}
