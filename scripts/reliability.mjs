/** `npm run reliability`: every machine of docs/reliability.md in full, each writing its section. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const MACHINES = [["crash"]];

const cwd = fileURLToPath(new URL("..", import.meta.url));
for (const [name, ...options] of MACHINES) {
  console.log(`\nnpm run ${[name, "--", ...options, "--write"].join(" ")}`);
  const args = ["run", "--silent", name, "--", ...options, "--write"];
  const { status } = spawnSync("npm", args, { cwd, stdio: "inherit" });
  // A machine that has found something does not keep the others from looking.
  process.exitCode ||= status ?? 1;
}
