/**
 * What `import … from "tsugi"` gives: `defineConfig` with its types, and `release`, which does what
 * `tsugi release` does, for scripts.
 */

import { type BuildReport, silentReport } from "../pack/report.ts";
import type { ReleaseRequest, ReleaseResult } from "./release.ts";

export {
  type AppupFunction,
  type Config,
  type DeployHook,
  type DeployMoment,
  defineConfig,
} from "../config/index.ts";
export { TsugiError } from "../contract/errors.ts";
export type { BuildReport, ReleaseRequest, ReleaseResult };

/** @throws TsugiError */
export async function release(
  request: ReleaseRequest,
  report: BuildReport = silentReport,
): Promise<ReleaseResult> {
  const { buildRelease } = await import("./release.ts");
  return buildRelease(request, report);
}
