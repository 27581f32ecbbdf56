import { createHash } from "node:crypto";

/** The same hosts are among the first 25 % each time: by a hash of the name, evenly. */
export function isAmong(percent: number, hostname: string): boolean {
  const hash = createHash("sha256").update(hostname).digest().readUInt32BE(0);
  return (hash / 2 ** 32) * 100 < percent;
}
