/** The program behind `npm run long -- soak --minutes N`. */
import { parseArgs } from "node:util";
import { writeSection } from "../../scripts/lib/reliability.ts";
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
    write: { type: "boolean", default: false },
  },
});
const nodes = [...new Set(values.nodes.split(","))];
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
const more = `${values.websockets === "100" ? "" : ` --websockets ${values.websockets}`}${values.express ? " --express" : ""}`;
const command = `npm run long -- soak --minutes ${minutes} --seed ${seed}${more}`;
console.log(`seed ${seed}; the same again: ${command}`);
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
lines.push(
  ...result.tallies.flatMap(({ problems }) => problems),
  whole ? "All zeros, all flat." : `FAILED (seed ${seed})`,
);
console.log(lines.join("\n"));
if (values.write) {
  writeSection({ name: "soak", command, body: `\`\`\`text\n${lines.join("\n")}\n\`\`\`` });
}
process.exitCode = whole ? 0 : 1;
