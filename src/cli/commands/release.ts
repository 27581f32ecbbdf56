import { resolve } from "node:path";
import { buildRelease } from "../../build/release.ts";
import { createReport } from "../buildReport.ts";
import { formatBytes, printResult } from "../output.ts";

export interface ReleaseOptions {
  version?: string;
  node?: string;
  config?: string;
  out?: string;
  sign?: string;
}

export async function releaseCommand(folder: string, options: ReleaseOptions): Promise<void> {
  const { version, node, config, out, sign } = options;
  // First of all: a key that is none is said before a build of minutes.
  const signKey = sign === undefined ? undefined : await readSignKey(sign);
  const report = await createReport();
  const request = {
    folder: resolve(folder),
    ...(version === undefined ? {} : { version }),
    ...(node === undefined ? {} : { node }),
    ...(config === undefined ? {} : { configFile: config }),
    ...(out === undefined ? {} : { out: resolve(out) }),
    ...(signKey === undefined ? {} : { signKey }),
  };
  const { isBeamProject, releaseBeam } = await import("../../beam/index.ts");
  const build = isBeamProject(request.folder) ? releaseBeam : buildRelease;
  const release = await build(request, report).catch((error: unknown) => {
    report.failed();
    throw error;
  });
  report.done();
  const { manifest: _, ...document } = release;
  printResult(document, [
    `${release.already ? "Built already" : "Built"}: ${release.name} ${release.version}, ${formatBytes(release.bytes)}`,
    `  ${release.tarball}`,
    `  sha256 ${release.sha256}`,
    ...(release.signedBy === null ? [] : [`  signed by key ${release.signedBy}`]),
    `Start it: ${release.tree}/bin/${release.name} start`,
  ]);
}

async function readSignKey(file: string) {
  const { readPrivateKey } = await import("../../build/keys.ts");
  return readPrivateKey(file === "-" ? file : resolve(file));
}
