/**
 * `npm run crash`: an upgrade under load is struck at every label, by every fault (docs/reliability.md).
 *
 *   --scenario <name>     only that one, more than once for several
 *   --label <label[#n]>   only there      --fault <fault>  only that one: with both, a single cell
 *   --sample <n>          so many cells, chosen by --seed <n>
 *   --lanes <n>           so many at once (2)
 *   --results <file>      a line for each cell; run again with the same file it goes on where it was
 *   --list                names the cells and runs none
 *   --write               writes the table into docs/reliability.md
 */
import { makeReady } from "./lib/ready.mjs";

makeReady();
const { register } = await import("tsx/esm/api");
register();
await import("../test/helpers/crash/main.ts");
