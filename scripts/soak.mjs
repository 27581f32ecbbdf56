/** `npm run soak -- [--minutes N] [--upgrades N] [--websockets N] [--nodes a,b] [--swap] [--express]`: see test/helpers/soak.ts. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const run = (args) => spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status;
process.exitCode =
  run(["scripts/build.mjs"]) ||
  run(["--import", "tsx", "test/helpers/soakMain.ts", ...process.argv.slice(2)]);
