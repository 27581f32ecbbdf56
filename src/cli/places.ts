/** The manifest of whatever names a release: a path, a store reference, an install root behind ssh. */

import { defined, jsonIn } from "../contract/checks.ts";
import { TsugiError } from "../contract/errors.ts";
import { readManifest } from "../pack/inspect.ts";
import { type Manifest, parseManifest } from "../release/manifest.ts";
import { isVersionName } from "../release/names.ts";
import type { ReleaseList } from "../release/status.ts";
import { withStored } from "./stores.ts";

/** Kilobytes are read of it, wherever it is. */
export async function manifestAt(text: string, store: string | undefined): Promise<Manifest> {
  const { parsePlace } = await import("../store/index.ts");
  const place = parsePlace(text);
  if (place.kind === "path") return readManifest(place.path);
  if (place.kind === "host") return runningThere(place.address);
  const reference = { ...place, store: place.store ?? store };
  return withStored(reference, async (opened, stored) => (await opened.manifest(stored)).manifest);
}

const POINTERS = `
cd -- "$1" || exit 1
cat releases/permanent 2>/dev/null
printf '\\0'
cat releases/RELEASES.json 2>/dev/null || :`;

/** What runs in an install root, or would after a start. @throws TSUGI_RELEASE_UNREADABLE */
async function runningThere(address: string): Promise<Manifest> {
  const { parseSshAddress } = await import("../store/index.ts");
  const { openTransport } = await import("../transport/index.ts");
  const { folder, ...target } = parseSshAddress(address);
  const configFile = process.env.TSUGI_SSH_CONFIG || undefined;
  const host = openTransport({ ...target, ...defined({ configFile }) });
  const ask = async (script: string, argument = "") => {
    const argv = ["sh", "-c", script, "tsugi", folder, argument];
    const { exitCode, stdout, stderr } = await host.run(argv, { readOnly: true });
    if (exitCode === 0) return stdout;
    throw unreadable(address, stderr.trim().split("\n").at(-1) ?? "");
  };
  try {
    const [permanent = "", list = ""] = (await ask(POINTERS)).split("\0");
    const version = versionOf(permanent, list);
    if (version === undefined) throw unreadable(address, "no release is installed there");
    const where = `releases/${version}/release.json`;
    return parseManifest(await ask('cd -- "$1" && cat "$2"', where), `${address}/${where}`);
  } finally {
    await host.close();
  }
}

/** What is current runs; else `permanent` is the truth, and a BEAM's RELEASES.json a view of it. */
function versionOf(permanent: string, list: string): string | undefined {
  const { releases = [] } = jsonIn<Partial<ReleaseList> | null>(list) ?? {};
  const withStatus = (status: string) => releases.find((entry) => entry.status === status)?.version;
  const named = permanent.split(" ")[0] || undefined;
  const version = withStatus("current") ?? named ?? withStatus("permanent");
  return isVersionName(version) ? version : undefined;
}

const unreadable = (place: string, problem: string) =>
  new TsugiError("TSUGI_RELEASE_UNREADABLE", { place, problem });
