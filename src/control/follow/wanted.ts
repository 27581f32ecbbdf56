/** Which version a host is to have: what a tag in a store names, or a line in a file says. */

import { readFile, stat } from "node:fs/promises";
import { jsonIn } from "../../contract/checks.ts";
import { hasCode, TsugiError } from "../../contract/errors.ts";
import { exists } from "../../platform/files.ts";
import { isVersionName } from "../../release/names.ts";
import { isPath } from "../arguments.ts";
import type { Context } from "../context.ts";
import { inStore } from "../fromStore.ts";

export interface Wanted {
  /** What an upgrade is called with. */
  named: string;
  /** Another one means that something has changed: it is worth trying again. */
  identity: string;
  /** Whether this is what runs already. */
  isRunning(running: { version: string; releaseId: string }): boolean;
}

/**
 * `place`: oci://registry/app[:tag], <folder>#<version or tag>, or a file whose first line is a version, a path or
 * such a name. With `annotation`, the file has lines as Kubernetes' downward API writes them: key="value".
 * @returns undefined where nothing is wanted (yet)
 */
export async function wantedAt(
  context: Context,
  place: string,
  annotation: string | undefined,
): Promise<Wanted | undefined> {
  const followed = await inStore(context, place);
  if (followed !== undefined) return wantedInStore(context, followed);
  const file = context.resolvePath(place);
  const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "";
    throw unreadable(file, error.message);
  });
  const line = annotation === undefined ? firstLine(text) : annotated(text, annotation);
  if (line === undefined || line === "") return undefined;
  const stored = await inStore(context, line);
  if (stored !== undefined) return wantedInStore(context, stored);
  const isKnown: boolean = isPath(line) || isVersionName(line);
  if (!isKnown) {
    throw unreadable(file, `${JSON.stringify(line.slice(0, 80))} is no version and no path`);
  }
  const source = isPath(line) ? context.resolvePath(line) : context.layout.release(line).tarball;
  const found = await stat(source).catch(() => undefined);
  const wanted = isPath(line) ? (await (await context.handler()).peek({ source })).version : line;
  return {
    named: isPath(line) ? source : line,
    identity: `${line} ${found?.mtimeMs ?? ""} ${found?.size ?? ""}`,
    isRunning: ({ version }) => version === wanted,
  };
}

/** A path that was mistyped looks like a file that is to come. */
export async function nothingWanted(context: Context, place: string): Promise<string> {
  const file = context.resolvePath(place);
  const isMissing = (await inStore(context, place)) === undefined && !(await exists(file));
  return `Nothing is wanted: ${isMissing ? `there is no ${file} yet` : `${place} says no version`}`;
}

const unreadable = (file: string, problem: string) =>
  new TsugiError("TSUGI_FOLLOW_UNREADABLE", { file, problem });

async function wantedInStore({ layout }: Context, place: string): Promise<Wanted | undefined> {
  const { lookUpNamed } = await import("../../oci/index.ts");
  const named = await lookUpNamed(place, layout.name).catch((error) => {
    // Not pushed yet. A tag that names something else is not waited for in silence.
    if (hasCode(error, "TSUGI_NOT_IN_STORE") && error.details.why === "") return undefined;
    throw error;
  });
  if (named === undefined) return undefined;
  const { exactly } = named;
  const { digest, releaseId } = named.found;
  return {
    named: exactly,
    identity: digest,
    isRunning: (running) => running.releaseId === releaseId,
  };
}

const firstLine = (text: string): string | undefined =>
  text
    .split("\n")
    .map((line) => line.trim())
    .find((line) => line !== "" && !line.startsWith("#"));

function annotated(text: string, annotation: string): string | undefined {
  const line = text.split("\n").find((one) => one.startsWith(`${annotation}="`)) ?? "";
  const value = jsonIn<unknown>(line.slice(annotation.length + 1));
  return typeof value === "string" ? value.trim() : undefined;
}
