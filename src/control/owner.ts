/**
 * bin/<app> steps down to the owner of the root before this program is read at all (stepDown.sh). One
 * that an older tsugi has put there does not: then root's files would lie in a folder of somebody else,
 * and the application would run as root.
 */
import { statSync } from "node:fs";
import { TsugiError } from "../contract/errors.ts";

/** @throws TSUGI_ROOT_OF_ANOTHER */
export function refuseAsRoot(root: string, name: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid } = statSync(root);
  if (uid === 0) return;
  throw new TsugiError("TSUGI_ROOT_OF_ANOTHER", { root, owner: uid, bin: `${root}/bin/${name}` });
}
