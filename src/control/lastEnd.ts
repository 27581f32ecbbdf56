/** How the last supervisor has ended by itself, where nothing runs. */
import { readFile } from "node:fs/promises";
import type { LastEnd } from "../protocol/documents.ts";
import { CHECKS, isRecord } from "../protocol/shape.ts";
import type { Layout } from "../release/layout.ts";

/** Undefined after a `stop`, and where it was killed. */
export async function lastEndOf({ lastEnd }: Layout): Promise<LastEnd | undefined> {
  try {
    const found: unknown = JSON.parse(await readFile(lastEnd, "utf8"));
    return isLastEnd(found) ? found : undefined;
  } catch {
    return undefined; // nothing, or half of it: of no use to whoever asks what runs
  }
}

function isLastEnd(found: unknown): found is LastEnd {
  if (!isRecord(found) || !Array.isArray(found.lastWords)) return false;
  const texts = [found.at, found.version, found.code, found.message, ...found.lastWords];
  return texts.every(CHECKS["a text"]);
}

/** Lines for a person. */
export function describeEnd({ at, version, code, message, lastWords }: LastEnd): string {
  const head = `${version} ended at ${at}, ${code}:\n  ${message}`;
  if (lastWords.length === 0) return head;
  return [head, "Its last words:", ...lastWords.map((line) => `  ${line}`)].join("\n");
}
