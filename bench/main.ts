/**
 * `npm run bench [-- [--short | --write] [--json] [part…]]`: what tsugi costs and saves, beside what one would
 * use instead, all of it measured in this run. Not a test: a number depends on what else the machine
 * does. `--write` puts the numbers into docs/benchmarks.md.
 */
import { parseArgs } from "node:util";
import { Arena } from "./contestants/arena.ts";
import { Bench } from "./lib/bench.ts";
import { writeResults } from "./lib/page.ts";
import { type Recorded, reasonOf } from "./lib/section.ts";
import { describeSurroundings } from "./lib/surroundings.ts";
import { formatResults, formatRows } from "./lib/table.ts";
import { PARTS } from "./sections.ts";

const { isShort, isWritten, isJson, names } = readArguments();
const print = (text: string) => {
  if (!isJson) console.log(`\n${text}`);
};
const bench = new Bench({ isShort });
const arena = new Arena(bench);
endWhenInterrupted();

const found: Record<string, Recorded> = {};
try {
  for (const name of names.filter(isRow)) found[name] = await measure(name);
  showTable();
  await arena.stopAll();
  for (const name of names.filter((one) => !isRow(one))) {
    found[name] = await measure(name);
    print(`${PARTS[name]!.title}\n${formatResults(found[name].results)}`);
  }
  const surroundings = await describeSurroundings(await arena.nodeVersion());
  const results = { ...surroundings, sections: found };
  if (isJson) console.log(JSON.stringify(results, null, 2));
  if (isWritten) writeResults(results);
} finally {
  await bench.end();
}
if (
  Object.values(found).some((one) => one.failure || one.rows.some(({ isFailure }) => isFailure))
) {
  process.exitCode = 1;
}

function readArguments() {
  try {
    const flag = { type: "boolean", default: false } as const;
    const options = { short: flag, write: flag, json: flag };
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const { short: isShort, write: isWritten, json: isJson } = values;
    if (isShort && isWritten) throw new Error("Numbers of the short form are not for a page.");
    const all = Object.keys(PARTS).filter((name) => !isShort || isRow(name));
    const unknown = positionals.find((name) => !all.includes(name));
    if (unknown) throw new Error(`No such part: ${unknown}. There are: ${all.join(", ")}`);
    const names = all.filter((name) => positionals.length === 0 || positionals.includes(name));
    return { isShort, isWritten, isJson, names };
  } catch (error) {
    console.error((error as Error).message);
    process.exit(2);
  }
}

function isRow(name: string): boolean {
  return PARTS[name]!.title === undefined;
}

/** A part that fails does not take the others with it. */
async function measure(name: string): Promise<Recorded> {
  const date = new Date().toISOString().slice(0, 10);
  const startedAt = performance.now();
  const took = () => Math.round((performance.now() - startedAt) / 1000);
  try {
    const { rows = [], results = [] } = await PARTS[name]!.measure(bench, arena);
    console.error(`${name}: ${took()} s`);
    return { rows, results, tookSeconds: took(), date };
  } catch (error) {
    console.error(
      `${name}: failed after ${took()} s: ${error instanceof Error ? error.message : error}`,
    );
    return { rows: [], results: [], failure: reasonOf(error), tookSeconds: took(), date };
  }
}

function showTable(): void {
  const sections = Object.values(found);
  const rows = sections.flatMap((one) => one.rows);
  const results = sections.flatMap((one) => one.results);
  if (rows.length > 0) print(formatRows(rows));
  if (results.length > 0) print(formatResults(results));
}

function endWhenInterrupted(): void {
  let isInterrupted = false;
  const interrupted = () => {
    if (!isInterrupted) void bench.end().finally(() => process.exit(130));
    isInterrupted = true;
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, interrupted);
  // Nobody reads any more: `npm run bench | head`, or a terminal that went away.
  process.stdout.on("error", interrupted);
}
