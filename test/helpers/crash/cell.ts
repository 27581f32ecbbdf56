/** One cell of the table: a scenario, one of its instants, one fault. */
import type { UpgradeReport } from "../../../src/protocol/report.ts";
import type { Ended } from "./command.ts";
import type { Lane } from "./lane.ts";
import type { CellOf, OutcomeOf } from "./outcome.ts";
import { killHard } from "./processes.ts";
import { type Role, Run } from "./run.ts";
import { versionOf } from "./scenarios.ts";
import { goOn, type Settled, settle } from "./settled.ts";
import type { Instant, Survey } from "./survey.ts";

export const FAULTS = [
  "supervisor",
  "successor",
  "old-worker",
  "new-worker",
  "control",
  "eio",
  "full-disk",
  "torn",
] as const;
export type Fault = (typeof FAULTS)[number];

export type Cell = CellOf<Fault>;
export type Outcome = OutcomeOf<Fault>;

/** Labels at which a process may die and nothing can fail (`instant` in platform/faults.ts). */
const NOTHING_FAILS =
  /^(handBack:|upgrade:(abandon|thaw|thawed|takeOver|prune|retire)$|takeOver:leave$)/;

export function canHappen(fault: Fault, { label, present, holder }: Instant): boolean {
  if (fault === "torn") return /:(write|append)$/.test(label);
  if (fault === "eio") return !NOTHING_FAILS.test(label);
  if (fault === "full-disk") return true;
  // A command that has its answer ends when it likes.
  const isAnswered = holder === undefined || label === "takeOver:leave";
  return present.includes(fault) && (fault !== "control" || !isAnswered);
}

export async function runCell(lane: Lane, plan: Survey, instant: Instant, fault: Fault) {
  const root = await lane.fresh(plan.scenario);
  const run = new Run(root, plan.scenario);
  const began = performance.now();
  const problems: string[] = [];
  let outcome = "FAIL";
  try {
    await run.begin();
    const isReal = fault !== "full-disk" || lane.hasRealDisk;
    const kind = fault === "eio" || fault === "torn" ? fault : isReal ? "hold" : "enospc";
    root.faults.arm(`${instant.label}#${instant.time}=${kind}`);
    const ended = await run.command(async () => {
      if (fault === "full-disk") root.disk.fill();
      else await killAll(run, fault as Role);
    });
    if (root.faults.isArmed) problems.push("the label was not passed");
    const settled = await settle(run);
    problems.push(...settled.problems);
    problems.push(...endProblems(run, ended, settled));
    problems.push(...promiseProblems(run, plan, instant, fault, ended.report, settled));
    problems.push(...(await goOn(run, settled)));
    outcome = describe(run, settled, ended.report);
  } catch (error) {
    problems.push((error as Error).message);
  }
  if (problems.length > 0) outcome = "FAIL";
  const { label, time } = instant;
  const ms = Math.round(performance.now() - began);
  return {
    run,
    result: { scenario: plan.scenario.name, label, time, fault, outcome, problems, ms },
  };
}

async function killAll(run: Run, role: Role): Promise<void> {
  const hit = [...run.cast].filter(([, one]) => one === role);
  if (hit.length === 0) throw new Error(`there is no ${role} at this label`);
  await Promise.all(hit.map(([pid]) => killHard(pid)));
}

/** The exit code and the report say what became of it. */
function endProblems(run: Run, { exit, report, output }: Ended, { version }: Settled): string[] {
  if (run.starts) return [];
  const isNew = version === versionOf(run.scenario.to);
  const by: Record<UpgradeReport["result"], boolean> = {
    checked: false,
    refused: !isNew && exit === 4,
    thawed: !isNew && exit === 4,
    "handed-back": !isNew && exit === 5,
    committed: isNew && (exit === 0 || exit === 1),
  };
  const agrees = report ? by[report.result] : exit !== 0;
  if (agrees) return [];
  return [`${version} serves, exit code ${exit}, result ${report?.result}\n${output}`];
}

/** Promises 1 to 3, as far as this fault at this instant allows no exception. */
function promiseProblems(
  run: Run,
  plan: Survey,
  instant: Instant,
  fault: Fault,
  report: UpgradeReport | undefined,
  { version, startedAgain, count, answers }: Settled,
): string[] {
  const { load, scenario } = run;
  const problems: string[] = [];
  if (load === undefined) return problems;
  const at = (label: string) => indexOf(plan, label);
  const isOld = version === versionOf(scenario.from);
  const kills = !["control", "eio", "full-disk"].includes(fault);
  const isBeforeActivate = instant.index < at("upgrade:activate");
  const isNewSide = fault === "new-worker" || fault === "successor";

  // 1: before the point of no return whatever befalls the new one is not noticed.
  const isUnnoticed = !kills || (isNewSide && isBeforeActivate);
  if (isUnnoticed && load.failures.length > 0) {
    problems.push(
      `${load.failures.length} requests failed: ${load.failures.slice(0, 3).join("; ")}`,
    );
  }
  if (isUnnoticed && startedAgain) problems.push("nothing served any more");

  // 1: who died decides which version goes on.
  const wanted = versionAfter(plan, instant, fault);
  if (wanted !== undefined && isOld !== (wanted === "old")) problems.push(`${version} goes on`);

  // 3: the rename of `permanent` decides what boots. A successor's predecessor may still do it.
  const isCommitted = instant.index >= at("permanent:renamed");
  const isOpen = fault === "successor" && !isCommitted && instant.index >= at("upgrade:commit");
  if (startedAgain && !isOpen && isOld === isCommitted) problems.push(`a start boots ${version}`);

  // 2: what was acknowledged is in the state, unless who held it was killed.
  if (count.life !== run.life) {
    const held: Partial<Record<Fault, boolean>> = {
      supervisor: startedAgain,
      torn: startedAgain,
      "old-worker": scenario.name === "swap" || isOld || isBeforeActivate,
      "new-worker": instant.index >= at("upgrade:activate") && !isOld,
      successor: instant.index >= at("upgrade:activate") && (startedAgain || !isOld),
    };
    if (!held[fault]) problems.push("the state is lost, and nobody who held it was killed");
    return problems;
  }
  const { stateAsOf } = report ?? {};
  if (stateAsOf !== undefined && !isNewSide && fault !== "old-worker") {
    problems.push(`state as of ${stateAsOf}, and nobody who held it was killed`);
  }
  const told = load.highest(run.life, answers, stateAsOf);
  if (count.sum < told) problems.push(`${told} were acknowledged, the state has ${count.sum}`);
  return problems;
}

const indexOf = ({ instants }: Survey, label: string): number =>
  instants.find((one) => one.label === label)?.index ?? Number.POSITIVE_INFINITY;

/** The death of a worker before, and after, the point of no return (runtime/supervisor/upgrade.ts). */
function versionAfter(plan: Survey, { index }: Instant, fault: Fault): "old" | "new" | undefined {
  const { scenario } = plan;
  if (scenario.end === "old") return "old";
  // A worker that dies before it begins is restarted, and then upgraded.
  if (fault === "old-worker" && index < indexOf(plan, "upgrade:load")) return undefined;
  const [activate, commit] = [indexOf(plan, "upgrade:activate"), indexOf(plan, "upgrade:commit")];
  const isNewSide = fault === "new-worker" || fault === "successor";
  if (fault === "old-worker" && scenario.name !== "swap") return index < activate ? "old" : "new";
  if (fault === "old-worker" || isNewSide) return index < commit ? "old" : undefined;
  // Nobody died who has to do with it.
  return fault === "control" && index >= indexOf(plan, "upgrade:plan") ? "new" : undefined;
}

function describe(run: Run, { version, startedAgain, count }: Settled, report?: UpgradeReport) {
  const which = version === versionOf(run.scenario.from) ? "old" : "new";
  const again = startedAgain ? ", started again" : "";
  if (startedAgain || run.starts) return `${which}${again}`;
  if (count.life !== run.life) return `${which}, state lost with the process`;
  return report?.stateAsOf ? `${which}, state as of the freeze` : which;
}
