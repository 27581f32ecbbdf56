import type { ErrorJson } from "../../contract/errors.ts";
import { REFUSED_BY_MACHINE } from "../../contract/systemErrors.ts";

/** Whose fault it was that a release did not come in: what the host is to blame for can be mended there. */
const OF_THE_HOST = new Set([
  "TSUGI_DISK_FULL",
  "TSUGI_ENV_EXPOSED",
  "TSUGI_ENVIRONMENT_TOO_LARGE",
  "TSUGI_FILE_REFUSED",
  "TSUGI_MACHINE_REFUSED",
  "TSUGI_MEMORY_SHORT",
  "TSUGI_ROOT_EXPOSED",
  "TSUGI_SERVING_SILENT",
  "TSUGI_SETTINGS_INVALID",
  "TSUGI_TRUSTED_KEYS_INVALID",
  "TSUGI_UNPACK_FAILED",
  "TSUGI_UPGRADE_UNDER_WAY",
]);

/**
 * What the system refuses there, whoever it was refused to: an unpack, or the release while it loaded. Not what
 * the release is kept from by us (runtime/worker/writeGuard.ts): there it will fail as often as it is tried.
 */
const BY_MACHINE = new RegExp(
  `\\b(?!EROFS.*the folder of a version)(?:${REFUSED_BY_MACHINE.join("|")})\\b`,
);

export const isOfTheHost = ({ code, message }: Pick<ErrorJson, "code" | "message">): boolean =>
  OF_THE_HOST.has(code) || BY_MACHINE.test(message);
