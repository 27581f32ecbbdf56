import { resolve } from "node:path";
import { defined } from "../../contract/checks.ts";
import type { ToolOptions } from "../../contract/commands/tool.ts";
import { TsugiError } from "../../contract/errors.ts";
import { type Verified, verifyRelease } from "../../pack/inspect.ts";
import { defaultKeyFile, readPrivateKey, readTrustedKey } from "../../pack/keys.ts";
import { type Sign, signByProgram, signTarball, signWith } from "../../pack/signRelease.ts";
import { replacedSigner, signerOf } from "../../release/signature.ts";
import { parsePlace } from "../../store/index.ts";
import type { Signed } from "../documents.ts";
import { printResult } from "../output.ts";
import { sourceOf, withStored } from "../stores.ts";

/** No code of the release, nor of what it was built from, runs here. */
export async function signCommand(text: string, options: ToolOptions<"sign">): Promise<void> {
  const sign = signOf(options);
  const place = parsePlace(text);
  const signed = place.kind === "stored" ? await stored() : await tarball();
  const { name, version, releaseId, signedBy, replacedSigner: before } = signed;
  printResult<Signed>(signed, [
    `${name} ${version} is whole, and signed by key ${signedBy}`,
    `  releaseId ${releaseId}`,
    ...(before === undefined
      ? []
      : [`  the signature by key ${before} is gone: a release has one`]),
  ]);

  async function tarball(): Promise<Signed> {
    const path = sourceOf(text, "sign");
    const verified = await verifyRelease(path);
    const signature = await signTarball(path, sign);
    return told({ ...verified, signedBy: signerOf(signature) ?? null }, verified.signedBy);
  }

  async function stored(): Promise<Signed> {
    if (place.kind !== "stored") throw new TsugiError("TSUGI_REFERENCE_INVALID", { text });
    const reference = { ...place, store: place.store ?? options.store };
    return withStored(reference, async (store, found) =>
      told(await store.sign(found, sign), signerOf(found.signature ?? "")),
    );
  }
}

/** `before`: who had signed it. */
const told = (signed: Verified, before: string | null | undefined): Signed => ({
  ...signed,
  ...defined({ replacedSigner: replacedSigner(before, signed.signedBy) }),
});

function signOf({ key, signer, publicKey }: ToolOptions<"sign">): Sign {
  const help = "How it is called: tsugi help sign";
  if (signer === undefined) {
    if (publicKey !== undefined)
      throw new TsugiError("TSUGI_USAGE", { problem: "--public-key goes with --signer", help });
    return signWith(readPrivateKey(key === "-" ? key : resolve(key ?? defaultKeyFile())));
  }
  if (key !== undefined || publicKey === undefined) {
    const problem = "--signer goes with --public-key, and without --key";
    throw new TsugiError("TSUGI_USAGE", { problem, help });
  }
  return signByProgram(signer, readTrustedKey(publicKey));
}
