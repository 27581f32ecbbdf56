/** The program behind `npm run long -- scale`. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { writeSection } from "../../../scripts/lib/reliability.ts";
import { whyNoRegistry } from "../ociRegistry.ts";
import { type FollowOptions, followAll } from "./followed.ts";
import { rollOut } from "./rollouts.ts";
import type { Delays } from "./sshHosts.ts";
import { followedText, rolledText } from "./words.ts";

const PAGE = fileURLToPath(new URL("../../../docs/scale.md", import.meta.url));

/** Seconds. An upgrade is its load, its rehearsal and its probation. */
const DELAYS: Delays = {
  login: [0.1, 0.6],
  slowLogin: 5,
  session: 0.05,
  unpack: [0.3, 1],
  check: [0.5, 1.5],
  upgrade: [2, 6],
};
const FOLLOW: Omit<FollowOptions, "hosts"> = {
  everyMs: 30_000,
  upgradeMs: [2_000, 6_000],
  sharePercent: 25,
  reactMs: 10_000,
  processes: 4,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    hosts: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    write: { type: "boolean", default: false },
  },
});
const [hosts, seed] = [Number(values.hosts), Number(values.seed)];
const command = `npm run long -- scale --hosts ${hosts} --seed ${seed}`;

const folder = mkdtempSync(join(tmpdir(), "tsugi-scale-"));
const parts: Record<string, () => Promise<string>> = {
  ssh: async () => rolledText(await rollOut(join(folder, "ssh"), hosts, DELAYS, seed, console.log)),
  follow: async () => {
    const missing = await whyNoRegistry();
    if (missing) throw new Error(missing);
    return followedText(await followAll(join(folder, "follow"), { ...FOLLOW, hosts }));
  },
};
try {
  for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) {
    const body = `${hosts.toLocaleString("en-US")} hosts.\n\n${await parts[name]!()}`;
    console.log(`\n${name}\n\n${body}`);
    if (values.write) writeSection({ name, command: `${command} ${name}`, body }, PAGE);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
