import { verifyRelease } from "../../build/inspect.ts";
import { formatBytes, printResult } from "../output.ts";

export async function verifyCommand(place: string, { keys }: { keys?: string }): Promise<void> {
  const verified = await verifyRelease(place, keys);
  const { name, version, files, bytes, releaseId, signedBy } = verified;
  printResult(verified, [
    `${name} ${version} is whole: ${files} files, ${formatBytes(bytes)}`,
    `  releaseId ${releaseId}`,
    `  ${signatureLine(signedBy, keys)}`,
  ]);
}

function signatureLine(signedBy: string | null, keys: string | undefined): string {
  if (signedBy === null) return "not signed";
  const checked = keys === undefined ? "not checked: --keys <trusted_keys>" : `trusted by ${keys}`;
  return `signed by key ${signedBy} (${checked})`;
}
