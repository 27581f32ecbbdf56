/** Every process that belongs to an install root, whatever it calls itself, and what it is. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { until } from "../installed.ts";

export interface RootProcess {
  pid: number;
  kind: "supervisor" | "worker" | "control";
  /** Of a worker: the version that it was started with. */
  version?: string;
}

export function processesOf(root: string): RootProcess[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => look(root, Number(name)) ?? []);
}

/** What it was started with tells what it is: titles and working directories change. */
function look(root: string, pid: number): RootProcess | undefined {
  try {
    if (!readlinkSync(`/proc/${pid}/exe`).startsWith(`${root}/`)) return undefined;
    const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
    const app = /(?:^|\0)TSUGI_APP_DIR=[^\0]*-(\d+\.\d+\.\d+)\0/.exec(environment);
    if (app) return { pid, kind: "worker", version: app[1]! };
    return { pid, kind: /(?:^|\0)TSUGI_SUPERVISOR=/.test(environment) ? "supervisor" : "control" };
  } catch {
    return undefined; // it has gone
  }
}

/** SIGKILL, and until the kernel has taken it down. A command that has its answer may end by itself just before. */
export async function killHard(pid: number): Promise<void> {
  if (!isGone(pid)) process.kill(pid, "SIGKILL");
  await until(`pid ${pid} is gone`, () => isGone(pid));
}

function isGone(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return true;
  }
}
