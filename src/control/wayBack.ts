/** Where to go from a version that does not stay up. */
import type { Context } from "./context.ts";

/** A line for a person: the version that was permanent before, and what to type. None where there is none. */
export async function wayBack(
  context: Context,
  words: (version: string) => string = () => "rollback",
): Promise<string[]> {
  const handler = await context.handler();
  const version = await handler.rollbackTarget().catch(() => undefined);
  if (version === undefined) return [];
  return [`${version} was permanent before: ${context.layout.bin} ${words(version)}`];
}
