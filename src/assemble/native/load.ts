/**
 * Loads an addon in the release's own Node, in a process of its own that ends at once: some say
 * only then for which Node they were compiled, or that they lack a library.
 */
import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { cachePath, readKept, writeWhole } from "../../pack/cache.ts";
import { sha256 } from "../../release/manifest.ts";

export type Loaded =
  | { result: "loaded" }
  /** NODE_MODULE_VERSION is another one. */
  | { result: "other abi"; abi: number }
  /** In the dynamic linker's words. */
  | { result: "failed"; problem: string };

const TIMEOUT_MS = 30_000;

const PROGRAM = `
try {
  process.dlopen({ exports: {} }, process.argv[1]);
  console.log("tsugi: loaded");
} catch (error) {
  console.log("tsugi: " + error.message);
}
process.reallyExit(0);`;

export async function loadAddon(
  { node, version }: { node: string; version: string },
  file: string,
  sha: string,
): Promise<Loaded> {
  const key = cachePath("addons", sha256(`1 ${node} ${version} ${sha}`));
  const kept = readKept<Loaded>(key);
  if (kept !== undefined) return kept;
  const { stdout, killed } = await run(node, ["-e", PROGRAM, file]);
  const said = /^tsugi: (.*)/ms.exec(stdout)?.[1]?.trim();
  const loaded = readWords(said ?? (killed ? "it does not come to an end" : "its process crashed"));
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
  const { stdout } = await run(node, ["-p", "'abi ' + process.versions.modules"]);
  const abi = /^abi (\d+)$/m.exec(stdout)?.[1];
  return abi === undefined ? undefined : Number(abi);
}

function run(node: string, args: string[]): Promise<{ stdout: string; killed: boolean }> {
  const env = { ...process.env, NODE_OPTIONS: "" };
  return new Promise((resolve) => {
    const options = { cwd: tmpdir(), env, timeout: TIMEOUT_MS, killSignal: "SIGKILL" } as const;
    execFile(node, args, options, (error, stdout) =>
      resolve({ stdout, killed: error?.killed === true }),
    );
  });
}
