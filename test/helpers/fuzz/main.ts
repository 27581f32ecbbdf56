/** The program behind `npm run long -- fuzz <target>`. */
import { parseArgs } from "node:util";
import { writeSection } from "../../../scripts/lib/reliability.ts";
import { corpusOf, type FuzzRun, fuzzTarget, keep, keepFirsts } from "./run.ts";
import { TARGETS } from "./targets.ts";

const SHOWN = 12;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    keep: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});
const names = positionals[0] === "all" ? Object.keys(TARGETS) : positionals;
const isWhole = names.length === Object.keys(TARGETS).length;
if (values.write && !isWhole) throw new Error("--write takes all of them");
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const rows: string[] = [];
for (const name of names) {
  const deadline = performance.now() + Number(values.seconds) * 1000;
  try {
    const run = await fuzzTarget(name, seed, () => performance.now() < deadline);
    show(name, run);
    if (values.keep) console.log(`  ${keepFirsts(name, run)} of them are new in the corpus`);
    rows.push(rowOf(name, run));
  } catch (error) {
    const { message, text } = error as Error & { text?: string };
    console.error(message);
    if (text !== undefined) console.error(`kept: ${keep(name, text)}`);
    rows.push(`| ${name} | | | | **broken**: ${message.split("\n")[0]} |`);
    process.exitCode = 1;
  }
}
if (values.write) {
  const head =
    "| target | texts | taken | kinds of refusal | seeds kept |\n|---|---:|---:|---:|---:|";
  const command = `npm run long -- fuzz all --seconds ${values.seconds} --seed ${seed} --write`;
  writeSection({ name: "texts", command, body: `${head}\n${rows.join("\n")}` });
}

function show(name: string, { rounds, outcomes }: FuzzRun): void {
  console.log(`${name}: ${rounds} texts, seed ${seed}; each refused, ignored or taken whole`);
  const sorted = [...outcomes].sort(([, a], [, b]) => b.count - a.count);
  for (const [outcome, { count }] of sorted.slice(0, SHOWN)) {
    console.log(`${String(count).padStart(9)}  ${(outcome || "taken").slice(0, 110)}`);
  }
  if (sorted.length > SHOWN) console.log(`           and ${sorted.length - SHOWN} more kinds`);
}

function rowOf(name: string, { rounds, outcomes }: FuzzRun): string {
  const taken = outcomes.get("")?.count ?? 0;
  const kinds = [...outcomes.keys()].filter((outcome) => outcome !== "").length;
  const numbers = [rounds, taken, kinds, corpusOf(name).length];
  return `| ${name} | ${numbers.map((number) => number.toLocaleString("en")).join(" | ")} |`;
}
