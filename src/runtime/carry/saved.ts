/** What the application's `save` returns for a connection: it must survive the way. */
import type { IncomingMessage } from "node:http";
import type { AnyCarryOptions } from "../../hot/registrations.ts";
import { findCloneProblem } from "../state/cloneable.ts";

/** Throws what `save` throws, or names the part of its value that cannot travel. */
export function saveConnection(
  { save }: AnyCarryOptions,
  connection: object,
  request?: IncomingMessage,
): unknown {
  if (save === undefined) return undefined;
  const saved = save(connection, request);
  const problem = findCloneProblem("data", saved);
  if (problem) throw new Error(`${problem.path} is ${problem.what}`);
  return saved;
}
