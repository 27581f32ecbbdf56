/**
 * What `npm run demo` and `npm run bench` do first, so that they work on a fresh clone: install the
 * packages if they are not there, build dist/ if it is missing or older than the sources.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

export function makeReady() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    fail(`tsugi needs Node 20.19 or newer; this is ${process.versions.node}.`);
  }
  if (!existsSync(join(projectRoot, "node_modules/.package-lock.json"))) {
    console.log("Installing tsugi's own packages (npm ci) …");
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error");
  }
  if (!isBuilt()) {
    console.log("Building tsugi (npm run build) …");
    npm("run", "--silent", "build");
  }
}

function npm(...args) {
  const { status } = spawnSync("npm", args, { cwd: projectRoot, stdio: "inherit" });
  if (status !== 0) fail(`npm ${args[0]} failed; the reason is above.`);
}

function isBuilt() {
  const built = join(projectRoot, "dist/cli/main.mjs");
  if (!existsSync(built)) return false;
  const { mtimeMs } = statSync(built);
  return newestIn(join(projectRoot, "src")) <= mtimeMs;
}

function newestIn(folder) {
  const files = readdirSync(folder, { recursive: true });
  return Math.max(...files.map((file) => statSync(join(folder, file)).mtimeMs));
}

function fail(problem) {
  console.error(problem);
  process.exit(1);
}
