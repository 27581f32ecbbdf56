/**
 * What `import … from "tsugi"` gives: `defineConfig` with its types, and `release`, which does what
 * `tsugi release` does, for scripts.
 */

import type { BuiltRelease } from "../pack/built.ts";
import { type BuildLog, silentLog } from "../pack/log.ts";
import type { ReleaseRequest } from "./release.ts";

export {
  type AppupFunction,
  type Config,
  type DeployHook,
  type DeployMoment,
  defineConfig,
} from "../config/index.ts";
export { TsugiError } from "../contract/errors.ts";
export type { BuildLog, BuiltRelease as ReleaseResult, ReleaseRequest };

/** @throws TsugiError */
export async function release(
  request: ReleaseRequest,
  log: BuildLog = silentLog,
): Promise<BuiltRelease> {
  const { buildRelease } = await import("./release.ts");
  return buildRelease(request, log);
}
