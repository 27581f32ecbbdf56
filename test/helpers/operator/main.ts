/** The program behind `npm run long -- operator`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeSection } from "../../../scripts/lib/reliability.ts";
import { hostCommands } from "../../../src/contract/commands/host.ts";
import { buildVariant } from "../fixtureReleases.ts";
import { Installed } from "../installed.ts";
import { random } from "../random.ts";
import { leftAfterStop, type Operated, operate } from "./operator.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    write: { type: "boolean", default: false },
  },
});
const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
const command = `npm run long -- operator --minutes ${minutes} --seed ${seed}`;
console.log(`seed ${seed}; the same again: ${command}`);

const folder = mkdtempSync(join(tmpdir(), "tsugi-operator-"));
const result: Operated = { turns: 0, ends: new Map(), verbs: new Set(), lies: [] };
let host: Installed | undefined;
try {
  const fixture = "counter-1.1.0";
  const sick = (text: string) =>
    text.replace("const server =", "hot.health(() => false);\nconst server =");
  const releases = [
    await buildVariant(join(folder, "one"), { fixture: "counter-1.0.0" }),
    await buildVariant(join(folder, "two"), { fixture }),
    await buildVariant(join(folder, "sick"), {
      fixture,
      version: "1.2.0",
      edit: { "src/server.ts": sick },
    }),
  ];
  // Many workers are killed, and none of that is to be the last.
  const config = {
    restarts: { max: 10_000 },
    timeouts: { probationMs: 1_500, drainMs: 2_000, stopMs: 5_000 },
    health: { intervalMs: 100 },
  };
  host = await Installed.start(releases[0]!, { config });
  const onTurn = (text: string) => console.log(text);
  await operate({ host, releases, below: random(seed), result, onTurn }, minutes);
  const left = await leftAfterStop(host);
  if (left.length > 0) result.lies.push(`after a stop run/ has ${left.join(", ")}`);
} finally {
  await host?.remove();
  rmSync(folder, { recursive: true, force: true });
}

const all = hostCommands("node").length;
const ends = [...result.ends].sort().map(([end, count]) => `${count} × ${end}`);
const lines = [
  `${result.turns} turns in ${minutes} min, seed ${seed}; ${result.verbs.size} of ${all} commands`,
  `ended by: ${ends.join(", ")}`,
  `wedged, or an exit code that lies: ${result.lies.length}`,
];
console.log([...result.lies, ...lines].join("\n"));
if (values.write) {
  writeSection({ name: "operator", command, body: `\`\`\`text\n${lines.join("\n")}\n\`\`\`` });
}
process.exitCode = result.lies.length === 0 ? 0 : 1;
