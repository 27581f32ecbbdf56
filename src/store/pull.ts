/** pull: layers one after the other are the tarball that was pushed, byte for byte. */
import { mkdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type ReleaseSource, storeDamaged } from "../oci/source.ts";
import { type FoundRelease, takeHead, takeTarball } from "../oci/take.ts";
import { type OpenedRelease, openHead, type TrustCheck, visitRelease } from "../pack/inspect.ts";
import { type BuildLog, silentLog } from "../pack/log.ts";
import { renameDurably } from "../platform/files.ts";
import { sha256OfFile } from "../platform/sha256.ts";
import { inFolder } from "./inFolder.ts";
import { kept } from "./keptLayers.ts";
import type { Repository } from "./repository.ts";

export interface PullRequest {
  /** The tarball's path. */
  target: string;
  /** Asked before anything of the release but its manifest is read. */
  refuseUntrusted?: TrustCheck;
  log?: BuildLog;
}

export interface Pulled {
  name: string;
  version: string;
  releaseId: string;
  file: string;
  bytes: number;
  sha256: string;
  /** It was there already, byte for byte. */
  already: boolean;
  /** What came from elsewhere: what this machine has kept of it did not. */
  moved: { blobs: number; bytes: number };
}

/** @throws TSUGI_STORE_DAMAGED, TSUGI_SIGNATURE_REFUSED */
export async function pull(
  repository: Repository,
  found: FoundRelease,
  { target, refuseUntrusted, log = silentLog }: PullRequest,
): Promise<Pulled> {
  const { name, version, releaseId, tarball } = found;
  const facts = { name, version, releaseId, file: target, ...tarball };
  if ((await sumOf(target)) === tarball.sha256) {
    // It may have come when nobody asked who had signed it.
    const opened = await openHead(target);
    refuseAnother(repository, found, opened);
    await refuseUntrusted?.(opened);
    return { ...facts, already: true, moved: { blobs: 0, bytes: 0 } };
  }
  log.step(`Pulling ${name} ${version} from ${repository.where}`);
  await mkdir(dirname(target), { recursive: true });
  const temporary = `${target}.${process.pid}.tmp`;
  const source = kept(repository);
  try {
    await takeVerified(source, found, temporary, refuseUntrusted);
    await renameDurably("store.pull", temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
  return { ...facts, already: false, moved: source.moved };
}

/** The tarball, all of it held against its manifest. @throws TSUGI_STORE_DAMAGED, TSUGI_SIGNATURE_REFUSED */
export async function takeVerified(
  source: ReleaseSource,
  found: FoundRelease,
  target: string,
  refuseUntrusted?: TrustCheck,
): Promise<OpenedRelease> {
  await openStored(source, found, refuseUntrusted);
  await takeTarball(source, found, target);
  const opened = await visitRelease(target);
  refuseAnother(source, found, opened);
  return opened;
}

/** Manifest and signature alone: kilobytes. */
export function openStored(
  source: ReleaseSource,
  found: FoundRelease,
  refuseUntrusted: TrustCheck = async () => {},
): Promise<OpenedRelease> {
  return inFolder(async (folder) => {
    const head = join(folder, "head.tar.gz");
    await takeHead(source, found, head);
    const opened = await openHead(head);
    refuseAnother(source, found, opened);
    await refuseUntrusted(opened);
    return opened;
  });
}

/** What is said of a release may have been written by anybody. */
function refuseAnother(
  { where }: ReleaseSource,
  found: FoundRelease,
  { manifest, releaseId }: OpenedRelease,
): void {
  const { name, version } = manifest;
  if (releaseId === found.releaseId && name === found.name && version === found.version) return;
  const said = `${found.name} ${found.version} (${found.releaseId.slice(0, 12)})`;
  const problem = `it says ${said}, and holds ${name} ${version} (${releaseId.slice(0, 12)})`;
  throw storeDamaged(`${where}@${found.digest}`, problem);
}

async function sumOf(file: string): Promise<string | undefined> {
  const info = await stat(file).catch(() => undefined);
  return info?.isFile() ? sha256OfFile(file) : undefined;
}
