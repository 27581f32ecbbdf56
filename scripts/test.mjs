/**
 * `npm test [-- unit|contract|integration|<path>…]`: installs what is missing, builds, lints, and
 * runs the suites with Node's own test runner.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { installPackages } from "./lib/ready.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const run = (command, args, stdio = "inherit") =>
  new Promise((resolve) => spawn(command, args, { stdio }).once("close", resolve));
const must = async (command, args) => {
  const status = await run(command, args);
  if (status !== 0) process.exit(status ?? 1);
};
const withTsx = (file, ...args) => [process.execPath, ["--import", "tsx", file, ...args]];

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
if (files.length === 0) {
  console.error(`No tests there: ${asked.join(" ")}`);
  process.exit(2);
}

const build = () => must("npm", ["run", "--silent", "build"]);
if (asked.length > 0) await build();
else {
  // Goes on beside the unit tests; whoever needs a program of it waits.
  run(...withTsx("test/helpers/installDebian.ts"), "ignore");
  await Promise.all([must("npm", ["run", "--silent", "lint"]), build()]);
}
await must(...withTsx("scripts/lib/runTests.mjs", ...files));
