/** Builds what lies in a folder, or what a git repository has; of whichever kind it is. */
import { type GitReleaseRequest, releaseFromGit } from "../assemble/clean/releaseFromGit.ts";
import { buildRelease, type ReleaseRequest } from "../assemble/release.ts";
import type { BuiltRelease } from "../pack/built.ts";
import type { BuildLog } from "../pack/log.ts";

export type AnyRequest = ReleaseRequest | GitReleaseRequest;

/** @throws TsugiError */
export function buildAny(request: AnyRequest, log: BuildLog): Promise<BuiltRelease> {
  return "git" in request
    ? releaseFromGit(
        request,
        (inClone, told) => inFolder({ ...inClone, into: request.into }, told),
        log,
      )
    : inFolder(request, log);
}

async function inFolder(request: ReleaseRequest, log: BuildLog): Promise<BuiltRelease> {
  const { isBeamProject, releaseBeam } = await import("../beam/index.ts");
  const build = isBeamProject(request.folder) ? releaseBeam : buildRelease;
  return build(request, log);
}
