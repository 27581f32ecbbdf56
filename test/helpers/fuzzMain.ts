/** The long form of the fuzzer; scripts/long.mjs starts it. */
import { readdirSync } from "node:fs";
import { writeSection } from "../../scripts/lib/reliability.ts";
import { corpusFolder, keepInCorpus, readCorpus } from "./fuzzCorpus.ts";
import { writeSeeds } from "./fuzzSeeds.ts";
import { FuzzedHost, honestDelta, honestTarball, spoiltOffer } from "./fuzzUnpack.ts";
import { random } from "./random.ts";

if (process.argv[2] === "seeds") {
  await writeSeeds();
  process.exit();
}
const isWritten = process.argv.includes("--write");
const numbers = process.argv.slice(2).filter((argument) => /^\d+$/.test(argument));
const [seconds = 60, seed = Date.now() % 1_000_000] = numbers.map(Number);
const corpus = [
  await honestTarball(),
  await honestDelta(),
  ...readdirSync(corpusFolder).sort().map(readCorpus),
];
const below = random(seed);
const problems = new Map<string, number>();
const deadline = performance.now() + seconds * 1000;
let host = await FuzzedHost.create();
let rounds = 0;
let failures = 0;
while (performance.now() < deadline) {
  rounds += 1;
  const offer = await spoiltOffer(corpus, below);
  try {
    const { outcome, problem } = await host.offer(offer);
    // The reasons, without what differs from one archive to the next.
    const reason =
      outcome === "whole" ? "unpacked whole" : problem.replace(/"[^"]*"|\S*[/\d]\S*/g, "…");
    problems.set(reason, (problems.get(reason) ?? 0) + 1);
  } catch (error) {
    failures += 1;
    console.error(`round ${rounds}, seed ${seed}: ${(error as Error).stack}`);
    console.error(`kept: ${keepInCorpus(offer)}`);
    host[Symbol.dispose]();
    host = await FuzzedHost.create();
  }
}
host[Symbol.dispose]();
const sorted = [...problems].sort(([, a], [, b]) => b - a);
const lines = [
  ...sorted
    .slice(0, isWritten ? 12 : 40)
    .map(([reason, count]) => `${String(count).padStart(7)}  ${reason.slice(0, 110)}`),
  `${rounds} archives, seed ${seed}, ${problems.size} reasons, ${failures} broke the promise`,
];
console.log(lines.join("\n"));
if (isWritten) {
  const body = `\`\`\`text\n${lines.join("\n")}\n\`\`\``;
  writeSection({
    name: "archives",
    command: `npm run long -- fuzz ${seconds} ${seed} --write`,
    body,
  });
}
if (failures > 0) process.exitCode = 1;
