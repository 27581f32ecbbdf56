/**
 * All errors there are. A process on a host carries what can happen on a host: where the build
 * makes what ships in a release, `shipped.ts` stands in for this file.
 */
import { BEAM_HOST_ERRORS } from "./beamHost.ts";
import { BUILD_ERRORS } from "./build.ts";
import { DEPLOY_ERRORS } from "./deploy.ts";

export const ERRORS = {
  ...BEAM_HOST_ERRORS,
  ...BUILD_ERRORS,
  ...DEPLOY_ERRORS,
};
