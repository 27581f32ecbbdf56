/**
 * Loads an addon in the release's own Node, in a process of its own that ends at once: some say
 * only then for which Node they were compiled, or that they lack a library.
 */
import { tmpdir } from "node:os";
import { sha256 } from "../../release/manifest.ts";
import { cachePath, readKept, writeWhole } from "../cache.ts";
import { runCommand } from "../commands.ts";

export type Loaded =
  | { result: "loaded" }
  /** NODE_MODULE_VERSION is another one. */
  | { result: "other abi"; abi: number }
  /** In the dynamic linker's words. */
  | { result: "failed"; problem: string };

const PROGRAM = `
try {
  process.dlopen({ exports: {} }, process.argv[1]);
  console.log("tsugi: loaded");
} catch (error) {
  console.log("tsugi: " + error.message);
}
process.reallyExit(0);`;

export async function loadAddon(node: string, file: string, sha: string): Promise<Loaded> {
  const key = cachePath("addons", sha256(`1 ${node} ${sha}`));
  const kept = readKept<Loaded>(key);
  if (kept !== undefined) return kept;
  const result = await runCommand("timeout", ["30", node, "-e", PROGRAM, file], tmpdir(), {
    NODE_OPTIONS: "",
  });
  const said = /^tsugi: (.*)/ms.exec(result.stdout)?.[1]?.trim();
  const loaded = readWords(said ?? `it ended its process (${result.code})`);
  if (loaded.result === "loaded") await writeWhole(key, JSON.stringify(loaded));
  return loaded;
}

function readWords(said: string): Loaded {
  // An extension of something else, such as of SQLite: it is not for Node to load.
  if (said === "loaded" || said.includes("did not self-register")) return { result: "loaded" };
  const abi = /NODE_MODULE_VERSION (\d+)/.exec(said)?.[1];
  if (abi !== undefined) return { result: "other abi", abi: Number(abi) };
  return { result: "failed", problem: said.split("\n")[0]! };
}

/** Undefined where it can't be asked. */
export async function abiOfNode(node: string): Promise<number | undefined> {
  const args = ["-p", "'abi ' + process.versions.modules"];
  const result = await runCommand(node, args, tmpdir(), { NODE_OPTIONS: "" }).catch(() => {});
  const abi = /^abi (\d+)$/m.exec(result?.stdout ?? "")?.[1];
  return abi === undefined ? undefined : Number(abi);
}
