/** Takes a state from one version to another, one declared step at a time. */
import { messageOf, TsugiError } from "../../contract/errors.ts";
import type { Migration } from "../../hot/types.ts";

export interface MigrationPlan {
  state: string;
  /** The steps that the running code declares, by the version they start from. */
  steps: Record<number, Migration> | undefined;
  from: number;
  to: number;
  /** The release's version, for the error. */
  release: string;
}

/** What came of a step on the state's way, or of the application's `encode` and `decode`. */
export function stateError(state: string, error: unknown): TsugiError {
  if (error instanceof TsugiError) return error;
  const problem = messageOf(error);
  return new TsugiError("TSUGI_STATE_FAILED", { state, problem }, { cause: error });
}

/** Throws TSUGI_STATE_PATH_MISSING before any step runs, TSUGI_STATE_FAILED when one throws. */
export async function migrate(value: unknown, plan: MigrationPlan): Promise<unknown> {
  const { state, steps, from, to, release } = plan;
  const direction = from < to ? 1 : -1;
  for (let version = from; version !== to; version += direction) {
    if (typeof steps?.[version] === "function") continue;
    throw new TsugiError("TSUGI_STATE_PATH_MISSING", { state, from, to, version: release });
  }
  let current = value;
  for (let version = from; version !== to; version += direction) {
    try {
      current = await steps![version]!(current);
    } catch (error) {
      const problem = `its step from version ${version} to ${version + direction} threw: ${messageOf(error)}`;
      throw new TsugiError("TSUGI_STATE_FAILED", { state, problem }, { cause: error });
    }
  }
  return current;
}
