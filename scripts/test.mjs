/**
 * `npm test [-- unit|contract|integration|<path>…]`: installs what is missing, builds, lints, and
 * runs the suites one after the other with Node's own test runner.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages } from "./lib/ready.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const run = (command, args) => {
  const { status } = spawnSync(command, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
};

installPackages();

const find = (place) =>
  place.endsWith(".ts")
    ? [place]
    : readdirSync(place, { withFileTypes: true }).flatMap((entry) => {
        if (entry.name === "fixtures" || entry.name === "node_modules") return [];
        const path = join(place, entry.name);
        if (entry.isDirectory()) return find(path);
        return entry.name.endsWith(".test.ts") ? [path] : [];
      });

const asked = process.argv.slice(2);
const places = asked.length > 0 ? asked : ["unit", "contract", "integration"];
const files = places
  .map((place) => (existsSync(place) ? place : join("test", place)))
  .filter((place) => existsSync(place))
  .flatMap(find);

if (asked.length === 0) run("npm", ["run", "--silent", "lint"]);
run("npm", ["run", "--silent", "build"]);
const concurrency = process.env.TSUGI_TEST_CONCURRENCY ?? "2";
run(process.execPath, [
  "--import",
  "tsx",
  "--test",
  "--test-reporter=spec",
  `--test-concurrency=${concurrency}`,
  ...files,
]);
