/** What `follow` and `foreground --follow` are told on their command lines. */

import { createHash } from "node:crypto";
import { hostname } from "node:os";
import type { HostOptions } from "../../contract/commands/host.ts";
import { TsugiError } from "../../contract/errors.ts";
import type { Layout } from "../../release/layout.ts";

export interface FollowRequest {
  /** oci://registry/app[:tag], or a file. */
  place: string;
  annotation: string | undefined;
  everyMs: number;
  /** Of the upgrades. */
  flags: string[];
  /** What need not be tried: it has failed here already. */
  refused?: string | undefined;
}

/** @returns undefined where this host is not among those that follow; @throws TSUGI_USAGE */
export function followRequest(
  { bin }: Layout,
  place: string,
  { every, share, annotation }: HostOptions<"foreground">,
  flags: string[],
): FollowRequest | undefined {
  if (share > 100) {
    const help = `How it is called: ${bin} help follow`;
    throw new TsugiError("TSUGI_USAGE", { problem: `--share ${share} is more than all`, help });
  }
  if (!isAmong(share, hostname())) return undefined;
  return { place, annotation, everyMs: every * 1000, flags };
}

/** The same hosts are among the first 25 % each time: by a hash of the name, evenly. */
export function isAmong(percent: number, hostname: string): boolean {
  const hash = createHash("sha256").update(hostname).digest().readUInt32BE(0);
  return (hash / 2 ** 32) * 100 < percent;
}
