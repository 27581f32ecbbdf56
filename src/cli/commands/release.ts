import { resolve } from "node:path";
import { defined } from "../../contract/checks.ts";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import { TsugiError } from "../../contract/errors.ts";
import type { Built } from "../../pack/built.ts";
import { logged } from "../buildLog.ts";
import { formatBytes, printResult } from "../output.ts";
import { type AnyRequest, buildAny } from "../releasing.ts";

export async function releaseCommand(
  folder: string,
  options: ToolOptions<"release">,
): Promise<void> {
  if (options.list) return (await import("../listing.ts")).printListing(folder, options);
  const request = await requestOf(folder, options);
  const release = await logged((log) => buildAny(request, log));
  const { manifest: _, ...document } = release;
  printResult<Built>(document, [
    `${release.already ? "Built already" : "Built"}: ${release.name} ${release.version}, ${formatBytes(release.bytes)}`,
    `  ${release.tarball}`,
    `  sha256 ${release.sha256}`,
    ...(release.signedBy === null ? [] : [`  signed by key ${release.signedBy}`]),
    `Start it: ${release.tree}/bin/${release.name} start`,
  ]);
}

async function requestOf(folder: string, options: ToolOptions<"release">): Promise<AnyRequest> {
  const { git, ref, version, node, config, out, sign } = options;
  const isTried = options.try === false ? false : undefined;
  // First of all: a key that is none is said before a build of minutes.
  const signKey = sign === undefined ? undefined : await readSignKey(sign);
  const place = out === undefined ? undefined : resolve(out);
  const common = defined({ version, node, configFile: config, signKey, isTried, out: place });
  if (git !== undefined) {
    return { ...common, git, folder, into: process.cwd(), ...defined({ ref }) };
  }
  if (ref !== undefined) {
    const problem = "--ref says which commit of --git <url|path>, and there is no --git";
    throw new TsugiError("TSUGI_USAGE", { problem, help: `tsugi release --git . --ref ${ref}` });
  }
  return { ...common, folder: resolve(folder) };
}

async function readSignKey(file: string) {
  const { readPrivateKey } = await import("../../pack/keys.ts");
  return readPrivateKey(file === "-" ? file : resolve(file));
}
