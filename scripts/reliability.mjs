/**
 * `npm run reliability [-- <section>…]`: the machines of docs/reliability.md in full, each writing its
 * section: crash, crash-beam, soak, swaps, swaps-express, archives, texts, guards. All of them take
 * hours; a name or more takes those.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { makeReady } from "./lib/ready.mjs";

makeReady();
const { register } = await import("tsx/esm/api");
register();
const { MACHINES } = await import("./lib/reliability.ts");

const cwd = fileURLToPath(new URL("..", import.meta.url));
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in MACHINES));
if (unknown.length > 0) {
  console.error(`no section ${unknown.join(", ")}; there are: ${Object.keys(MACHINES).join(", ")}`);
  process.exit(2);
}
for (const name of asked.length > 0 ? asked : Object.keys(MACHINES)) {
  const [script, ...options] = MACHINES[name];
  const args = ["run", "--silent", script, "--", ...options, "--write"];
  console.log(`\n${name}: npm ${args.join(" ")}`);
  const { status } = spawnSync("npm", args, { cwd, stdio: "inherit" });
  // A machine that has found something does not keep the others from looking.
  process.exitCode ||= status ?? 1;
}
