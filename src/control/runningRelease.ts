/** Which release runs, without asking it: the current one, else the permanent one. */
import { TsugiError } from "../contract/errors.ts";
import type { Manifest } from "../release/manifest.ts";
import type { Context } from "./context.ts";

export async function runningVersion(context: Context): Promise<string | undefined> {
  const { releases } = await (await context.handler()).list();
  const byStatus = (status: string) => releases.find((entry) => entry.status === status)?.version;
  return byStatus("current") ?? byStatus("permanent");
}

/** Undefined where it can't be read: then nothing can be said about it. */
export async function runningManifest(context: Context): Promise<Manifest | undefined> {
  try {
    const version = await runningVersion(context);
    return version ? await (await context.handler()).manifest(version) : undefined;
  } catch {
    return undefined;
  }
}

/** @throws TSUGI_NO_PERMANENT */
export async function requireVersion(context: Context): Promise<string> {
  const version = await runningVersion(context);
  if (version !== undefined) return version;
  const { root, name } = context.layout;
  throw new TsugiError("TSUGI_NO_PERMANENT", { root, name, problem: "nothing was ever started" });
}
