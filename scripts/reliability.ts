/** The machines of docs/reliability.md one after the other, each writing its section. */
import { spawnSync } from "node:child_process";
import { MACHINES } from "./lib/reliability.ts";

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(MACHINES, name));
if (unknown.length > 0) {
  console.error(`no section ${unknown.join(", ")}; there are: ${Object.keys(MACHINES).join(", ")}`);
  process.exit(2);
}
for (const name of asked.length > 0 ? asked : Object.keys(MACHINES)) {
  const args = ["run", "--silent", "long", "--", ...MACHINES[name]!, "--write"];
  console.log(`\n${name}: npm ${args.join(" ")}`);
  const { status } = spawnSync("npm", args, { stdio: "inherit" });
  // A machine that has found something does not keep the others from looking.
  process.exitCode ||= status ?? 1;
}
