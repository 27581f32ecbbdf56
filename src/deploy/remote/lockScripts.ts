/**
 * The deploy lock of a host: a file with two lines, who (JSON) and the pid that holds it.
 *
 *   tsugi deploy   the pid is a process of our ssh session on the host: when we die, or our laptop
 *                  does, sshd ends it, and the lock is stale. Nobody has to clean up.
 *   tsugi lock     no pid: it holds until somebody says `tsugi unlock`
 */
import type { Layout } from "../../release/layout.ts";
import { asOwner } from "./asOwner.ts";
import { program } from "./program.ts";

const TAKE = program("take-lock.sh");
const REMOVE = program("remove-lock.sh");

export const takeLock = (
  { root, deployLock, permanent, startErlData }: Layout,
  who: string,
  mode: "hold" | "leave",
): string[] => asOwner(root, TAKE, root, deployLock, who, mode, permanent, startErlData);

export const removeLock = ({ root, deployLock }: Layout): string[] =>
  asOwner(root, REMOVE, deployLock);
