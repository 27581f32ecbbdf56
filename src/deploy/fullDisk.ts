/** A script of ours that could not write says how much room there is (`… KB are free at …`). */
import { TsugiError } from "../contract/errors.ts";
import type { Layout } from "../release/layout.ts";

/** What a lock and an etc/env need; the system keeps some blocks for itself. */
const ENOUGH_KB = 64;

/** Undefined where it was something else. */
export function fullDiskError(
  stderr: string,
  host: string,
  { root, name }: Layout,
  environment: string,
): TsugiError | undefined {
  const free = /^(\d+) KB are free at /m.exec(stderr)?.[1];
  if (free === undefined || Number(free) > ENOUGH_KB) return undefined;
  const room = `tsugi exec ${environment} --host ${host} -- bin/${name} prune --keep 2`;
  return new TsugiError("TSUGI_DISK_FULL", {
    root: `${host}:${root}`,
    neededMb: 1,
    freeMb: 0,
    room,
  });
}
