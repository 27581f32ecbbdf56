/** How the last supervisor has ended by itself, where nothing runs. */
import { readFile } from "node:fs/promises";
import { type Expected, mismatch } from "../contract/checks.ts";
import type { LastEnd } from "../protocol/documents.ts";
import { wrapLines } from "../protocol/wrap.ts";
import type { Layout } from "../release/layout.ts";

/** Undefined after a `stop`, and where it was killed. */
export async function lastEndOf({ lastEnd }: Layout): Promise<LastEnd | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(lastEnd, "utf8"));
    return mismatch(found, EXPECTED) ? undefined : (found as LastEnd);
  } catch {
    return undefined; // nothing, or half of it: of no use to whoever asks what runs
  }
}

const EXPECTED: Expected = {
  at: "a text",
  version: "a text",
  code: "a text",
  message: "a text",
  lastWords: ["a text"],
};

/** Lines for a person. */
export function describeEnd({ at, version, code, message, lastWords }: LastEnd): string {
  const head = `${version} ended at ${at}, ${code}:\n${wrapLines(`  ${message}`, 80)}`;
  if (lastWords.length === 0) return head;
  return [head, "Its last words:", ...lastWords.map((line) => `  ${line}`)].join("\n");
}
