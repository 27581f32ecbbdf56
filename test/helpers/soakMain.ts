/** The program behind `npm run soak -- --upgrades N`. */
import { parseArgs } from "node:util";
import { runSoak, SOAK_NODES } from "./soak.ts";
import { formatTallies } from "./traffic/index.ts";

const { values } = parseArgs({
  options: {
    upgrades: { type: "string", default: "100" },
    websockets: { type: "string", default: "500" },
    swap: { type: "boolean", default: false },
    express: { type: "boolean", default: false },
    nodes: { type: "string", default: SOAK_NODES.join(",") },
  },
});
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
console.log(formatTallies(result.tallies));
const { journal, acknowledged, sum } = result;
console.log(
  `journal ${journal.total}, twice ${journal.twice}; acknowledged ${acknowledged}; sum ${sum}`,
);
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(2)} MB`;
const { afterTenth, afterLast } = result.heapBytes;
const growth = `x ${(afterLast / afterTenth).toFixed(3)}`;
console.log(
  `heap after 10: ${megabytes(afterTenth)}, at the end: ${megabytes(afterLast)}, ${growth}`,
);
const failures = result.tallies.reduce((total, tally) => total + tally.failures, 0);
const whole = journal.twice === 0 && journal.total === acknowledged && sum === acknowledged;
for (const problem of result.tallies.flatMap((tally) => tally.problems)) console.log(problem);
console.log(failures === 0 && whole ? "Nothing lost, nothing twice." : "FAILED");
process.exitCode = failures === 0 && whole ? 0 : 1;
