/** What a build has come to, of either kind of release. */
import type { Manifest } from "../release/manifest.ts";

export interface Built {
  name: string;
  version: string;
  releaseId: string;
  tree: string;
  tarball: string;
  bytes: number;
  sha256: string;
  /** The same release was there already, byte for byte. */
  already: boolean;
  /** The id of the key; null: not signed. */
  signedBy: string | null;
}

export interface BuiltRelease extends Built {
  manifest: Manifest;
}
