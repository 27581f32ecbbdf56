/** The program behind `npm run soak -- --minutes N`. */
import { parseArgs } from "node:util";
import { LIGHT_TRAFFIC, SOAK_NODES } from "./soak.ts";
import { formatMix } from "./soakMix/format.ts";
import { runMix } from "./soakMix/mix.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    websockets: { type: "string", default: "100" },
    express: { type: "boolean", default: false },
    nodes: { type: "string", default: ["24.21.0", ...SOAK_NODES].join(",") },
  },
});
const nodes = [...new Set(values.nodes.split(","))];
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
console.log(`seed ${seed}; the same again: npm run soak -- --minutes ${minutes} --seed ${seed}`);
console.log(`Building releases for Node ${nodes.join(", ")} …`);
const result = await runMix({
  seed,
  minutes,
  nodes,
  express: values.express,
  traffic: { ...LIGHT_TRAFFIC, webSockets: Number(values.websockets) },
  onOperation: (count, name, { text }, failures) =>
    console.log(`${count}. ${name}: ${text}${failures > 0 ? `; FAILURES so far ${failures}` : ""}`),
});
const { lines, whole } = formatMix(result);
console.log(lines.join("\n"));
for (const problem of result.tallies.flatMap(({ problems }) => problems)) console.log(problem);
console.log(whole ? "All zeros, all flat." : `FAILED (seed ${seed})`);
process.exitCode = whole ? 0 : 1;
