/**
 * How a release comes about, of either kind:
 *   decide → compose → refuse → sign → write.
 * A kind says what is decided and composed. What is refused, signed, written, kept and told is the
 * same for both.
 */
import type { KeyObject } from "node:crypto";
import { stat } from "node:fs/promises";
import { sha256OfFile } from "../platform/sha256.ts";
import type { Layout } from "../release/layout.ts";
import { KEPT, keepBuilds } from "./builds.ts";
import type { BuiltRelease } from "./built.ts";
import { refuseForeignCache, sweepCache } from "./cache.ts";
import type { Composed } from "./composed.ts";
import type { PackedGroup } from "./fileSet.ts";
import { verifyRelease } from "./inspect.ts";
import type { BuildLog } from "./log.ts";
import { isBuilt, presentSigner, signatureFile } from "./signing.ts";
import { forgetMembers, writeTarball } from "./tarball.ts";
import { refuseOtherBytes, writeTree } from "./tree.ts";

/** What is asked of a build, whatever it builds. */
export interface BuildRequest {
  /** The project. */
  folder: string;
  /** A configuration file other than tsugi.config.*. */
  configFile?: string;
  version?: string;
  /** Where <app> goes; default: where builds of that kind lie below `into`. */
  out?: string;
  /** The folder whose builds these are; default: the project. */
  into?: string;
  /** The private key that signs it. */
  signKey?: KeyObject;
}

export interface ReleaseKind<Decided> {
  decide(): Promise<Decided>;
  /** Where it goes. */
  layout(decided: Decided): Layout;
  compose(decided: Decided): Promise<Composed>;
  /** What else would make it a bad neighbour of the builds that are there. */
  refuse?(layout: Layout, composed: Composed): void;
  /** The tarball is there and in nobody's sight yet; what throws leaves all as it was. */
  prove?(tarball: string, composed: Composed): Promise<void>;
  /** It is in its place. */
  settle?(decided: Decided): Promise<void>;
}

export async function build<Decided>(
  kind: ReleaseKind<Decided>,
  signKey: KeyObject | undefined,
  log: BuildLog,
): Promise<BuiltRelease> {
  await refuseForeignCache();
  const decided = await kind.decide();
  const composed = await kind.compose(decided);
  const layout = kind.layout(decided);
  const { manifest, releaseId, manifestFile, groups } = composed;
  const { name, version } = manifest;
  refuseOtherBytes(layout, composed);
  kind.refuse?.(layout, composed);
  const signature = signatureFile(manifestFile, signKey);
  const { tarball } = layout.release(version);
  const already = isBuilt(layout, version, releaseId, signature);
  if (!already) log.step("Writing the release");
  const first = [manifestFile, ...(signature === undefined ? [] : [signature])];
  const sha256 = already
    ? await sha256OfFile(tarball)
    : await writeTree(layout, { ...composed, first }, async (path) => {
        const write = () => writeTarball(path, first, groups, log);
        const sum =
          signature === undefined ? await write() : await writeVerified(path, write, groups);
        await kind.prove?.(path, composed);
        return sum;
      });
  await kind.settle?.(decided);
  const gone = await keepBuilds(layout, version);
  if (gone.length > 0) {
    log.note(`Removed, as the last ${KEPT} builds stay: ${gone.join(", ")} in ${layout.releases}`);
  }
  await sweepCache();
  const { size: bytes } = await stat(tarball);
  const signedBy = presentSigner(layout, version);
  const facts = { name, version, releaseId, tree: layout.root, tarball };
  return { ...facts, bytes, sha256, already, signedBy, manifest };
}

/** What is signed is what the manifest says: no kept member is believed to be that. */
async function writeVerified(
  path: string,
  write: () => Promise<string>,
  groups: PackedGroup[],
): Promise<string> {
  const sum = await write();
  try {
    await verifyRelease(path);
    return sum;
  } catch {
    await forgetMembers(groups);
    const again = await write();
    await verifyRelease(path);
    return again;
  }
}
