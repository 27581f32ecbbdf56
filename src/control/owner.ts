/**
 * Run as root, `bin/<app>` acts as the owner of the root: it leaves no root-owned file behind, and
 * the application never runs as root by accident.
 */
import { statSync } from "node:fs";
import { userInfo } from "node:os";

/** Missing in the type definitions. */
interface WithInitgroups {
  initgroups(user: number, extraGroup: number): void;
}

export function actAsOwnerOf(root: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(root);
  if (uid === 0) return;
  try {
    (process as unknown as WithInitgroups).initgroups(uid, gid);
  } catch {
    process.setgroups!([gid]); // an owner that is in no passwd file
  }
  process.setgid!(gid);
  process.setuid!(uid);
  try {
    const { homedir, username } = userInfo();
    process.env.HOME = homedir;
    process.env.USER = username;
    process.env.LOGNAME = username;
  } catch {
    for (const name of ["HOME", "USER", "LOGNAME"]) delete process.env[name];
  }
}
