/** The program behind `npm run fuzz -- <target>`. */
import { parseArgs } from "node:util";
import { fuzzTarget, keep } from "./run.ts";
import { TARGETS } from "./targets.ts";

const SHOWN = 12;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: { type: "string", default: "60" }, seed: { type: "string" } },
});
const names = positionals[0] === "all" ? Object.keys(TARGETS) : positionals;
const seed = Number(values.seed ?? Date.now() % 1_000_000);
for (const name of names) {
  const deadline = performance.now() + Number(values.seconds) * 1000;
  try {
    const { rounds, outcomes } = await fuzzTarget(name, seed, () => performance.now() < deadline);
    console.log(`${name}: ${rounds} texts, seed ${seed}; each refused, ignored or taken whole`);
    const sorted = [...outcomes].sort(([, a], [, b]) => b - a).slice(0, SHOWN);
    for (const [outcome, count] of sorted) {
      console.log(`${String(count).padStart(9)}  ${outcome || "taken"}`);
    }
  } catch (error) {
    const { message, text } = error as Error & { text?: string };
    console.error(message);
    if (text !== undefined) console.error(`kept: ${keep(name, text)}`);
    process.exitCode = 1;
  }
}
