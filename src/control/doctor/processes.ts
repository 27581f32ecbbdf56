/** Does what runs answer, how are its workers, why did it end, and does anything run that nobody supervises? */
import { descendantsOf, runningProcesses, workerProcessesOf } from "../../platform/processTable.ts";
import type { Finding } from "../../protocol/documents.ts";
import type { Status } from "../../protocol/report.ts";
import type { Layout } from "../../release/layout.ts";
import { ask } from "../client.ts";
import type { Context } from "../context.ts";
import { lastEndOf } from "../lastEnd.ts";
import { movedInstead } from "../moved.ts";
import { findSupervisor, liveWorkers } from "../running.ts";
import { wayBack } from "../wayBack.ts";
import { findingOf, type Seen } from "./seen.ts";

const ANSWER_MS = 5_000;

export async function checkProcesses(context: Context): Promise<Seen> {
  const { layout } = context;
  const supervisor = await findSupervisor(layout);
  if (supervisor === undefined) {
    return {
      note: "nothing runs",
      findings: [...(await lastEnd(context)), ...orphans(layout, [])],
    };
  }
  const { pid } = supervisor;
  const supervised = [pid, ...liveWorkers(layout).map((worker) => worker.pid)];
  const answer = await ask(layout, { verb: "status" }, { timeoutMs: ANSWER_MS }).then(
    (status) => problemsIn(status as Status, layout),
    (error) => [findingOf(error)],
  );
  const moved = await movedInstead(layout);
  const findings = [
    ...(moved ? [findingOf(moved)] : []),
    ...answer,
    ...orphans(layout, supervised),
  ];
  return { note: `pid ${pid}`, findings };
}

async function lastEnd(context: Context): Promise<Finding[]> {
  const { bin } = context.layout;
  const end = await lastEndOf(context);
  if (end === undefined) return [];
  const { version, at, code, message } = end;
  if (at === null)
    return [{ problem: `${version} ended, ${code}: ${message}`, remedy: `${bin} start` }];
  const problem = `${version} ended by itself at ${at}, ${code}: ${message}`;
  const remedies = [`${bin} logs`, ...(await wayBack(context, end)), `${bin} start`];
  return [{ problem, remedy: remedies.join(" · ") }];
}

function problemsIn({ processes, logProblem }: Status, { bin, log }: Layout): Finding[] {
  const slots = processes.flatMap(({ name, slots }) =>
    slots.map((slot, index) => ({ ...slot, name: `${name}.${index}` })),
  );
  const findings = slots.flatMap(({ name, healthy, crash }): Finding[] => {
    if (crash?.keepsCrashing) {
      return [{ problem: `${name} keeps crashing: ${crash.why}`, remedy: `${bin} status` }];
    }
    return healthy ? [] : [{ problem: `${name} is unhealthy.`, remedy: `${bin} logs` }];
  });
  if (logProblem === undefined) return findings;
  const problem = `The log can't be written: ${logProblem}`;
  return [...findings, { problem, remedy: `ls -ld ${log} && df -h ${log}` }];
}

/** Of this root, and below none that is supervised. A start would end them; they hold ports till then. */
function orphans({ root }: Layout, supervised: number[]): Finding[] {
  const below = new Set(descendantsOf(supervised, runningProcesses()).map(({ pid }) => pid));
  return workerProcessesOf(root)
    .filter(({ pid }) => !below.has(pid) && !supervised.includes(pid))
    .map(({ name, pid }) => ({
      problem: `${name} (pid ${pid}) is of this root, and nothing supervises it.`,
      remedy: `kill ${pid}`,
    }));
}
