/** Where to go from a version that does not stay up. */
import type { ErrorJson } from "../contract/errors.ts";
import type { Context } from "./context.ts";
import { isOfTheHost } from "./follow/blame.ts";

type Cause = Pick<ErrorJson, "code" | "message">;

/**
 * Lines for a person: who has the port that was taken; the version that was permanent before, and what to type. None
 * where there is none, or where it would meet the same.
 */
export async function wayBack(
  context: Context,
  cause?: Cause,
  words: (version: string) => string = () => "rollback",
): Promise<string[]> {
  return [...whoListens(cause), ...(await versionBefore(context, cause, words))];
}

async function versionBefore(
  context: Context,
  cause: Cause | undefined,
  words: (version: string) => string,
): Promise<string[]> {
  if (cause !== undefined && isOfTheHost(cause)) return [];
  const handler = await context.handler();
  const version = await handler.rollbackTarget().catch(() => undefined);
  if (version === undefined) return [];
  return [`${version} was permanent before: ${context.layout.bin} ${words(version)}`];
}

/** A port may be another one in another version, so that this comes beside the way back. */
function whoListens(cause: Cause | undefined): string[] {
  const port = /\bEADDRINUSE\b.*:(\d+)\s*$/m.exec(cause?.message ?? "")?.[1];
  return port === undefined ? [] : [`Who has port ${port}: ss -ltnp sport = :${port}`];
}
