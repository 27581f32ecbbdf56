/** How the last supervisor has ended by itself, where nothing runs. */
import { readFile } from "node:fs/promises";
import { type Expected, jsonIn, mismatch } from "../contract/checks.ts";
import type { LastEnd } from "../protocol/documents.ts";
import { wrapLines } from "../protocol/wrap.ts";
import type { Layout } from "../release/layout.ts";
import type { Context } from "./context.ts";
import { killedPid, supervisorDied } from "./running.ts";
import { runningVersion } from "./runningRelease.ts";

/** Undefined after a `stop`. */
export async function lastEndOf(context: Context): Promise<LastEnd | undefined> {
  return (await toldEnd(context.layout)) ?? (await silentEnd(context));
}

async function toldEnd({ lastEnd }: Layout): Promise<LastEnd | undefined> {
  // Half of it is of no use to whoever asks what runs.
  const found = jsonIn<LastEnd>(await readFile(lastEnd, "utf8").catch(() => ""));
  return mismatch(found, EXPECTED) ? undefined : found;
}

/** Of one that was killed, only what it has left in `run/` says that it ran. */
async function silentEnd(context: Context): Promise<LastEnd | undefined> {
  const pid = await killedPid(context.layout);
  if (pid === undefined) return undefined;
  const { code, message } = supervisorDied(context.layout, pid);
  return { at: null, version: (await runningVersion(context)) ?? "", code, message, lastWords: [] };
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
  const when = at === null ? "" : ` at ${at}`;
  const head = `${version} ended${when}, ${code}:\n${wrapLines(`  ${message}`, 80)}`;
  if (lastWords.length === 0) return head;
  return [head, "Its last words:", ...lastWords.map((line) => `  ${line}`)].join("\n");
}
