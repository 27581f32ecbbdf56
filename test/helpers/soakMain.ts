/** The program behind `npm run long -- soak --upgrades N`. */
import { parseArgs } from "node:util";
import { writeSection } from "../../scripts/lib/reliability.ts";
import { runSoak, SOAK_NODES } from "./soak.ts";
import { formatTallies } from "./traffic/index.ts";

const { values } = parseArgs({
  options: {
    upgrades: { type: "string", default: "100" },
    websockets: { type: "string", default: "500" },
    swap: { type: "boolean", default: false },
    express: { type: "boolean", default: false },
    nodes: { type: "string", default: SOAK_NODES.join(",") },
    write: { type: "boolean", default: false },
  },
});
if (values.write && !values.swap)
  throw new Error("docs/reliability.md has no section but of --swap");
console.log(`Building releases for Node ${values.nodes} …`);
const result = await runSoak({
  nodes: values.swap ? values.nodes.split(",").slice(-1) : values.nodes.split(","),
  accepts: values.swap,
  express: values.express,
  upgrades: Number(values.upgrades),
  traffic: {
    newConnection: 4,
    keepAlive: 8,
    pipelining: 4,
    slowUploads: 4,
    streams: 4,
    webSockets: Number(values.websockets),
    compress: true,
    pauseMs: 20,
  },
  onUpgrade: ({ from, to, strategy, pauseMs, connections, quietMs }, count, failures) => {
    const { carried, drained, lost } = connections;
    console.log(
      `${count}. ${from} → ${to} ${strategy}: pause ${pauseMs} ms, carried ${carried}, drained ${drained}, ` +
        `lost ${lost}, quiet at most ${quietMs.max} ms, failures so far ${failures}`,
    );
  },
});
const { journal, acknowledged, sum, tallies } = result;
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
const { afterTenth, afterLast } = result.heapBytes;
const growth = `x ${(afterLast / afterTenth).toFixed(3)}`;
const failures = tallies.reduce((total, tally) => total + tally.failures, 0);
const whole = journal.twice === 0 && journal.total === acknowledged && sum === acknowledged;
const isWhole = failures === 0 && whole;
const lines = [
  formatTallies(tallies),
  `journal ${journal.total}, twice ${journal.twice}; acknowledged ${acknowledged}; sum ${sum}`,
  `heap after 10: ${megabytes(afterTenth)}, at the end: ${megabytes(afterLast)}, ${growth}`,
  ...tallies.flatMap((tally) => tally.problems),
  isWhole ? "Nothing lost, nothing twice." : "FAILED",
];
console.log(lines.join("\n"));
if (values.write) {
  const { upgrades, websockets, express } = values;
  const more = `${websockets === "500" ? "" : ` --websockets ${websockets}`}${express ? " --express" : ""}`;
  const command = `npm run long -- soak --swap --upgrades ${upgrades}${more}`;
  const body = `\`\`\`text\n${lines.join("\n")}\n\`\`\``;
  writeSection({ name: express ? "swaps-express" : "swaps", command, body });
}
process.exitCode = isWhole ? 0 : 1;
