import { resolve } from "node:path";
import { defined } from "../../contract/checks.ts";
import { TsugiError } from "../../contract/errors.ts";
import type { Built } from "../../pack/built.ts";
import { createBuildLog } from "../buildLog.ts";
import { formatBytes, printResult } from "../output.ts";
import { type AnyRequest, buildAny } from "../releasing.ts";

export interface ReleaseOptions {
  git?: string;
  ref?: string;
  version?: string;
  node?: string;
  config?: string;
  out?: string;
  sign?: string;
  /** --no-try. */
  try?: boolean;
  list?: boolean;
}

export async function releaseCommand(folder: string, options: ReleaseOptions): Promise<void> {
  if (options.list) return (await import("../listing.ts")).printListing(folder, options);
  const request = await requestOf(folder, options);
  const log = await createBuildLog();
  const release = await buildAny(request, log).catch((error: unknown) => {
    log.failed();
    throw error;
  });
  log.done();
  const { manifest: _, ...document } = release;
  printResult<Built>(document, [
    `${release.already ? "Built already" : "Built"}: ${release.name} ${release.version}, ${formatBytes(release.bytes)}`,
    `  ${release.tarball}`,
    `  sha256 ${release.sha256}`,
    ...(release.signedBy === null ? [] : [`  signed by key ${release.signedBy}`]),
    `Start it: ${release.tree}/bin/${release.name} start`,
  ]);
}

async function requestOf(folder: string, options: ReleaseOptions): Promise<AnyRequest> {
  const { git, ref, version, node, config, out, sign } = options;
  const isTried = options.try === false ? false : undefined;
  // First of all: a key that is none is said before a build of minutes.
  const signKey = sign === undefined ? undefined : await readSignKey(sign);
  const common = defined({ version, node, configFile: config, signKey, isTried });
  if (git !== undefined) {
    const place = {
      git,
      folder,
      into: process.cwd(),
      ...(out === undefined ? {} : { out: resolve(out) }),
    };
    return { ...common, ...place, ...defined({ ref }) };
  }
  if (ref !== undefined) {
    const problem = "--ref says which commit of --git <url|path>, and there is no --git";
    throw new TsugiError("TSUGI_USAGE", { problem, help: `tsugi release --git . --ref ${ref}` });
  }
  return {
    ...common,
    folder: resolve(folder),
    ...defined({ out: out === undefined ? undefined : resolve(out) }),
  };
}

async function readSignKey(file: string) {
  const { readPrivateKey } = await import("../../pack/keys.ts");
  return readPrivateKey(file === "-" ? file : resolve(file));
}
