/** The processes of this machine, as far as this user may see them (Linux: /proc; else none). */

import { readdirSync, readFileSync } from "node:fs";
import { jsonIn, orUndefined } from "../contract/checks.ts";
import { identityOf, type ProcessIdentity } from "./processes.ts";

export interface RunningProcess {
  pid: number;
  parent: number;
  session: number;
  name: string;
}

/** Zombies are none: nothing of them runs. */
export function runningProcesses(): RunningProcess[] {
  return (orUndefined(() => readdirSync("/proc")) ?? []).flatMap((name) => {
    const found = /^\d+$/.test(name) ? read(`/proc/${name}/stat`) : undefined;
    if (found === undefined) return [];
    // The name in parentheses may hold spaces and parentheses: what follows the last one counts.
    const end = found.lastIndexOf(")");
    const [state, parent, , session] = found.slice(end + 2).split(" ");
    if (state === "Z" || state === "X") return [];
    const command = found.slice(found.indexOf("(") + 1, end);
    return [{ pid: Number(name), parent: Number(parent), session: Number(session), name: command }];
  });
}

/** What it was started with; undefined where that is not for us to see. */
export function environmentOf(pid: number): Map<string, string> | undefined {
  const text = read(`/proc/${pid}/environ`);
  if (text === undefined) return undefined;
  return new Map(
    text.split("\0").map((entry) => {
      const at = entry.indexOf("=");
      return [entry.slice(0, at), entry.slice(at + 1)] as const;
    }),
  );
}

/** In the environment of a worker, and of all that it starts: which worker that is. */
export const WORKER_ID = "TSUGI_WORKER_ID";
/** A process that a worker has started, and that is to outlive it. */
const LIVES_ON = "TSUGI_LIVES_ON";
/** Of tsugi's own: the control program, a supervisor. */
const OURS = ["TSUGI_NAME", "TSUGI_SUPERVISOR"];

/** Ended with the worker that has started it. */
export function endsWithWorker(environment: Map<string, string> | undefined): boolean {
  return ![LIVES_ON, ...OURS].some((key) => environment?.has(key));
}

/** Workers of that root, and what they have started, whoever supervises them. */
export function workerProcessesOf(root: string): RunningProcess[] {
  return runningProcesses().filter(({ pid }) => {
    const environment = environmentOf(pid);
    const isOfRoot = environment?.has(WORKER_ID) && environment.get("TSUGI_ROOT") === root;
    return isOfRoot && endsWithWorker(environment);
  });
}

/** Supervisors of that root that hear a HUP, whatever has become of its `run/`. */
export function supervisorsOf(root: string): ProcessIdentity[] {
  const isOfRoot = ({ pid }: RunningProcess) => {
    const boot = jsonIn<{ root: string }>(environmentOf(pid)?.get("TSUGI_SUPERVISOR") ?? "");
    return boot?.root === root && hearsHangup(pid);
  };
  return runningProcesses().filter(isOfRoot).map(identify);
}

/** In its first moments a HUP would end it. */
const hearsHangup = (pid: number): boolean =>
  /^SigCgt:\s+[0-9a-f]*[13579bdf]$/m.test(read(`/proc/${pid}/status`) ?? "");

/** All that have one of these among their ancestors. 0 is the parent of the first one, and no process. */
export function descendantsOf(
  pids: readonly number[],
  all: readonly RunningProcess[],
): RunningProcess[] {
  const found = new Set(pids.filter((pid) => pid > 0));
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const { pid, parent } of all) if (found.has(parent)) found.add(pid);
  }
  return all.filter(({ pid }) => found.has(pid) && !pids.includes(pid));
}

/** Unlike a pid, it names no other process later on. */
export const identify = ({ pid }: { pid: number }): ProcessIdentity => identityOf(pid);

const read = (path: string): string | undefined => orUndefined(() => readFileSync(path, "utf8"));
