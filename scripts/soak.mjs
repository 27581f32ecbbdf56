/**
 * `npm run soak -- --minutes N [--seed S] [--websockets N] [--nodes a,b] [--express]`: a random mix of
 * all that can happen to a service (test/helpers/soakMix).
 * `npm run soak -- --upgrades N [--swap] [--websockets N] [--nodes a,b] [--express]`: upgrades in a fixed
 * order (test/helpers/soak.ts).
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const run = (args) => spawnSync(process.execPath, args, { cwd: root, stdio: "inherit" }).status;
const asked = process.argv.slice(2);
const isMixed = asked.some((argument) => /^--(minutes|seed)\b/.test(argument));
const program = `test/helpers/${isMixed ? "soakMixMain" : "soakMain"}.ts`;
process.exitCode = run(["scripts/build.mjs"]) || run(["--import", "tsx", program, ...asked]);
