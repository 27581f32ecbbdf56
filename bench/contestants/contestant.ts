/** Who is measured beside tsugi, and what each has to be able to do. All Node ones run bench/apps/feed. */
import { readFileSync } from "node:fs";

export const NAMES = ["tsugi", "node", "pm2", "nginx", "otp"] as const;
export type Name = (typeof NAMES)[number];

export const TITLES: Record<Name, string> = {
  tsugi: "tsugi",
  node: "node",
  pm2: "PM2",
  nginx: "nginx",
  otp: "OTP",
};

export interface Contestant {
  readonly name: Name;
  /** Where clients connect. */
  readonly port: number;
  /** From nothing that runs to a service that has been told to start; it need not answer yet. */
  start(): Promise<unknown>;
  /** Ends everything, the supervising included. */
  stop(): Promise<unknown>;
  /**
   * Has the next version, one line longer, ready beside the one that runs.
   * @returns what makes it the one that serves, and ends when nothing of the old runs any more
   */
  prepare(version: string): Promise<() => Promise<unknown>>;
  /** Processes that only look after others, and those that answer requests. */
  pids(): Promise<{ supervising: number[]; serving: number[] }>;
}

/** The processes below this one, and theirs. */
export function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
  const own = children === "" ? [] : children.split(" ").map(Number);
  return own.flatMap((child) => [child, ...childrenOf(child)]);
}
