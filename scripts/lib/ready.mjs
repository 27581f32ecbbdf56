/**
 * What `npm run demo`, `npm run bench` and `npm test` do first, so that they work on a fresh clone:
 * install the packages that the lock file asks for, build dist/ where it is older than the sources.
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
  installPackages();
  if (!isBuilt()) {
    console.error("Building tsugi (npm run build) …");
    npm("run", "--silent", "build");
  }
}

/** `npm ci`, where it was not run since the lock file changed. */
export function installPackages() {
  if (changedMs("node_modules/.package-lock.json") < changedMs("package-lock.json")) {
    console.error("Installing tsugi's own packages (npm ci) …");
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error");
  }
}

function npm(...args) {
  const { status } = spawnSync("npm", args, { cwd: projectRoot, stdio: ["inherit", 2, 2] });
  if (status !== 0) fail(`npm ${args[0]} failed; the reason is above.`);
}

const isBuilt = () =>
  newestIn(join(projectRoot, "src")) < changedMs("dist/cli/main.mjs") &&
  changedMs("package-lock.json") < changedMs("dist/cli/main.mjs");

/** 0 for a file that is not there. */
function changedMs(file) {
  const path = join(projectRoot, file);
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

function newestIn(folder) {
  const files = readdirSync(folder, { recursive: true });
  return Math.max(...files.map((file) => statSync(join(folder, file)).mtimeMs));
}

function fail(problem) {
  console.error(problem);
  process.exit(1);
}
