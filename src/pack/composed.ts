/** A release that is put together and not written yet. */
import type { Manifest } from "../release/manifest.ts";
import type { PackedFile, PackedGroup } from "./fileSet.ts";

export interface Composed {
  manifest: Manifest;
  manifestFile: PackedFile;
  releaseId: string;
  groups: PackedGroup[];
}
