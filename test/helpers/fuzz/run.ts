/** One target, fuzzed by a seed; what breaks its promise is kept. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oneOf, random } from "../random.ts";
import { spoilText } from "./spoil.ts";
import { type FuzzTarget, TARGETS } from "./targets.ts";

const corpusRoot = join(import.meta.dirname, "..", "..", "fixtures", "fuzz-corpus");

/** What broke a promise once, and what was refused in another way than all before: offered by every run. */
export function corpusOf(name: string): string[] {
  const folder = join(corpusRoot, name);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => readFileSync(join(folder, file), "utf8"));
}

export function keep(name: string, text: string): string {
  const folder = join(corpusRoot, name);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, createHash("sha256").update(text).digest("hex").slice(0, 12));
  writeFileSync(path, text);
  return path;
}

/** So small that a corpus of them is read, and offered, in no time. */
const KEPT_BYTES = 2_000;
const KEPT_MOST = 40;

/** Of each kind of refusal the first text; returns how many of them the corpus did not have. */
export function keepFirsts(name: string, { outcomes }: FuzzRun): number {
  const known = new Set(corpusOf(name));
  const firsts = [...outcomes.entries()].filter(
    ([outcome, { first }]) => outcome !== "" && first.length <= KEPT_BYTES && !known.has(first),
  );
  const kept = firsts.slice(0, Math.max(0, KEPT_MOST - known.size));
  for (const [, { first }] of kept) keep(name, first);
  return kept.length;
}

export interface FuzzRun {
  rounds: number;
  /** By what became of it: how often, and the first text. */
  outcomes: Map<string, { count: number; first: string }>;
}

/** @throws the first time that the promise is broken, with what broke it as `text` */
export async function fuzzTarget(
  name: string,
  seed: number,
  goesOn: (rounds: number) => boolean,
): Promise<FuzzRun> {
  const target = await TARGETS[name]!();
  try {
    return await fuzz(target, name, seed, goesOn);
  } finally {
    await target.close();
  }
}

async function fuzz(
  target: FuzzTarget,
  name: string,
  seed: number,
  goesOn: (rounds: number) => boolean,
): Promise<FuzzRun> {
  const corpus = [...target.seeds, ...corpusOf(name)];
  const run: FuzzRun = { rounds: 0, outcomes: new Map() };
  const below = random(seed);
  while (goesOn(run.rounds)) {
    // What is known comes first, as it is.
    const known = corpus[run.rounds];
    const text = known ?? spoilText(oneOf(corpus, below), below);
    run.rounds += 1;
    const outcome = await target.offer(text).catch((error: Error) => {
      const where = `${name}, seed ${seed}, round ${run.rounds}: ${JSON.stringify(text).slice(0, 500)}`;
      throw Object.assign(new Error(`${where}\n${error.stack}`), { text });
    });
    const seen = run.outcomes.get(outcome) ?? { count: 0, first: text };
    seen.count += 1;
    run.outcomes.set(outcome, seen);
  }
  return run;
}
