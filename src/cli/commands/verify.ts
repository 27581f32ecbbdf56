import type { ToolOptions } from "../../contract/commands/tool.ts";
import { trustIn, type Verified, verifiedOf, verifyRelease } from "../../pack/inspect.ts";
import { parsePlace } from "../../store/index.ts";
import { formatBytes, printResult } from "../output.ts";
import { withStored } from "../stores.ts";

export async function verifyCommand(text: string, options: ToolOptions<"verify">): Promise<void> {
  const { keys } = options;
  const verified = await verify(text, options);
  const { name, version, files, bytes, releaseId, signedBy } = verified;
  printResult<Verified>(verified, [
    `${name} ${version} is whole: ${files} files, ${formatBytes(bytes)}`,
    `  releaseId ${releaseId}`,
    `  ${signatureLine(signedBy, keys)}`,
  ]);
}

async function verify(text: string, { keys, store }: ToolOptions<"verify">): Promise<Verified> {
  const place = parsePlace(text);
  if (place.kind !== "stored") return verifyRelease(text, keys);
  const refuseUntrusted = await trustIn(keys);
  const reference = { ...place, store: place.store ?? store };
  return withStored(reference, async (opened, stored) =>
    verifiedOf(await opened.verify(stored, refuseUntrusted)),
  );
}

function signatureLine(signedBy: string | null, keys: string | undefined): string {
  if (signedBy === null) return "not signed";
  const checked = keys === undefined ? "not checked: --keys <trusted_keys>" : `trusted by ${keys}`;
  return `signed by key ${signedBy} (${checked})`;
}
