/** The signature beside a manifest: made at a build, and what of it an earlier build has left. */
import type { KeyObject } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { Layout } from "../release/layout.ts";
import { signerOf, signManifest } from "../release/signature.ts";
import { type PackedFile, readSource, textFile } from "./fileSet.ts";
import { presentRelease } from "./tree.ts";

/** The second entry of the tarball. @returns undefined without a key */
export function signatureFile(
  manifestFile: PackedFile,
  key: KeyObject | undefined,
): PackedFile | undefined {
  if (key === undefined) return undefined;
  const bytes = Buffer.from(readSource(manifestFile.source)).toString("utf8");
  return textFile(`${manifestFile.path}.sig`, signManifest(bytes, key));
}

/** The same release with the same signature; without a key, whatever signature it has. */
export function isBuilt(
  layout: Layout,
  version: string,
  releaseId: string,
  signature: PackedFile | undefined,
): boolean {
  if (presentRelease(layout, version) !== releaseId) return false;
  if (!existsSync(layout.release(version).tarball)) return false;
  if (signature === undefined) return true;
  // Ed25519 signs the same bytes the same way each time.
  return presentSignature(layout, version) === String(readSource(signature.source));
}

export const presentSigner = (layout: Layout, version: string): string | null =>
  signerOf(presentSignature(layout, version) ?? "") ?? null;

function presentSignature(layout: Layout, version: string): string | undefined {
  const { signature } = layout.release(version);
  return existsSync(signature) ? readFileSync(signature, "utf8") : undefined;
}
