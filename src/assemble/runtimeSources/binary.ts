/** Node from a binary that lies on this machine. It says itself what it is. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { TsugiError } from "../../contract/errors.ts";
import { runCommand } from "../../pack/commands.ts";

export interface BinaryFacts {
  version: string;
  platform: string;
}

const PROBE = `process.report.excludeNetwork = true;
const musl = process.platform === "linux" && !process.report.getReport().header.glibcVersionRuntime;
const shared = process.config.variables.node_shared ? "shared" : "";
console.log([process.versions.node, process.platform + "-" + process.arch + (musl ? "-musl" : ""), shared].join(" "))`;

export async function factsOfBinary(path: string): Promise<BinaryFacts> {
  const result = await runCommand(path, ["-e", PROBE], dirname(path), { NODE_OPTIONS: "" }).catch(
    (error: Error) => ({ code: 1, stdout: "", stderr: error.message }),
  );
  const [version, platform, shared] = result.stdout.trim().split(" ");
  const isWhole = shared !== "shared";
  if (result.code === 0 && version && platform && isWhole) return { version, platform };
  throw new TsugiError("TSUGI_RUNTIME_UNAVAILABLE", {
    version: "(asked of the binary)",
    platform: "this platform",
    from: path,
    problem: isWhole
      ? result.stderr.trim() || "it does not say what it is"
      : "it needs the libnode.so of this machine, which a host may not have",
  });
}

export function runtimeFromBinary(path: string): Map<string, Buffer> {
  const files = new Map([["bin/node", readFileSync(path)]]);
  const license = join(dirname(dirname(path)), "LICENSE");
  if (existsSync(license)) files.set("LICENSE", readFileSync(license));
  return files;
}
