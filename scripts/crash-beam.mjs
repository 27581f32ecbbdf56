/**
 * `npm run crash:beam`: an upgrade of an Elixir release, one that restarts the VM, and a first start, are
 * struck at every label that they pass (docs/reliability.md). Needs Elixir, and root for a full disk.
 *
 *   --scenario <name>     only that one (upgrade, restart, start), more than once for several
 *   --label <label[#n]>   only there      --fault <fault>  only that one: with both, a single cell
 *   --sample <n>          so many cells, chosen by --seed <n>
 *   --results <file>      a line for each cell; run again with the same file it goes on where it was
 *   --list                names the cells and runs none
 *   --write               writes the table into docs/reliability.md
 */
import { makeReady } from "./lib/ready.mjs";

makeReady();
const { register } = await import("tsx/esm/api");
register();
await import("../test/helpers/crashBeam/main.ts");
