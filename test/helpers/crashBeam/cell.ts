/** One cell of the table: a scenario on a BEAM host, one of its instants, one fault. */
import type { Ended } from "../crash/command.ts";
import type { OutcomeOf } from "../crash/outcome.ts";
import { killHard } from "../crash/processes.ts";
import { type Run, vmOf } from "./run.ts";
import { OLD, type Scenario } from "./scenarios.ts";
import { goOn, type Settled, settle } from "./settled.ts";

export const FAULTS = ["killed", "control", "eio", "full-disk", "torn"] as const;
export type Fault = (typeof FAULTS)[number];

export interface Instant {
  label: string;
  /** The n-th time that this label is passed. */
  time: number;
  /** The VM that is at it; `helper` evaluates a configuration, or rehearses. */
  holder: "node" | "command" | "helper";
}

export interface Survey {
  scenario: Scenario;
  instants: Instant[];
}

export type Outcome = OutcomeOf<Fault>;

/** Behind what OTP has done, and where nothing is written: a VM may die there and nothing can fail. */
const NOTHING_FAILS = /^(set-unpacked|install|commit):after$|^unpack:unpacked$/;

export function canHappen(fault: Fault, { label, holder }: Instant, scenario: Scenario): boolean {
  if (fault === "torn") return /:(write|append)$/.test(label);
  // What a command does for itself, `killed` has.
  if (fault === "control") return holder !== "command" && scenario.verb[0] !== "start";
  return fault !== "eio" || !NOTHING_FAILS.test(label);
}

/** Every label that an undisturbed run passes, and who is at it. */
export async function survey(run: Run): Promise<Survey> {
  const { scenario, faults } = run;
  const instants: Instant[] = [];
  await run.begin();
  faults.arm("*=hold");
  const ended = await run.command(async ({ pid, label }) => {
    const time = instants.filter((instant) => instant.label === label).length + 1;
    const isNode = pid === vmOf(run.host.root);
    const holder = isNode ? "node" : pid === run.commandPid ? "command" : "helper";
    instants.push({ label, time, holder });
  });
  faults.disarm();
  const settled = await settle(run);
  const problems = [...settled.problems, ...(await goOn(run, settled))];
  if (ended.exit !== 0) problems.push(`exit code ${ended.exit}\n${ended.output}`);
  if (problems.length === 0) return { scenario, instants };
  throw new Error(`${scenario.name}, undisturbed: ${problems.join("\n")}`);
}

export async function runCell(run: Run, instant: Instant, fault: Fault): Promise<Outcome> {
  const began = performance.now();
  const problems: string[] = [];
  let outcome = "FAIL";
  try {
    await run.begin();
    const kind = fault === "eio" || fault === "torn" ? fault : "hold";
    run.faults.arm(`${instant.label}#${instant.time}=${kind}`);
    const ended = await run.command(async ({ pid }) => {
      if (fault === "full-disk") run.disk.fill();
      else await killHard(fault === "control" ? run.commandPid : pid);
    });
    // A label of the node's, after the command has its answer.
    if (run.faults.isArmed) problems.push("the label was not passed");
    const settled = await settle(run);
    problems.push(
      ...settled.problems,
      ...(await promiseProblems(run, instant, fault, ended, settled)),
    );
    problems.push(...(await goOn(run, settled)));
    outcome = describe(settled);
  } catch (error) {
    problems.push((error as Error).message);
  }
  if (problems.length > 0) outcome = "FAIL";
  const { label, time } = instant;
  const ms = Math.round(performance.now() - began);
  return { scenario: run.scenario.name, label, time, fault, outcome, problems, ms };
}

async function promiseProblems(
  { scenario, load, starts }: Run,
  { holder }: Instant,
  fault: Fault,
  { exit, report, output }: Ended,
  { version, startedAgain, restarted, count }: Settled,
): Promise<string[]> {
  const problems: string[] = [];
  const isNew = version !== OLD;
  const kills = (fault === "killed" || fault === "torn") && holder === "node";
  if (starts) {
    if (isNew) problems.push(`${version} was started`);
    return problems;
  }
  // 5: exit code and report say what became of it.
  const by: Record<string, boolean> = {
    refused: !isNew && exit === 4,
    thawed: !isNew && exit === 4,
    "handed-back": !isNew && exit === 5,
    committed: isNew && (exit === 0 || exit === 1),
  };
  const agrees = report ? by[report.result] : exit !== 0;
  if (!agrees) {
    problems.push(`${version} serves, exit code ${exit}, result ${report?.result}\n${output}`);
  }
  // 1 and 2: who kills nobody loses nothing and nobody.
  if (startedAgain && !kills) problems.push("nothing served any more");
  const maySay = kills || scenario.restarts;
  if (restarted && !maySay) problems.push("the VM ended, and nobody had killed it");
  const { answered, failures } = (await load?.stop()) ?? { answered: 0, failures: [] };
  if (!restarted && failures.length > 0) {
    problems.push(`${failures.length} requests failed: ${failures.slice(0, 3).join("; ")}`);
  }
  if (!restarted && count < answered) {
    problems.push(`${answered} were acknowledged, the state has ${count}`);
  }
  return problems;
}

function describe({ version, startedAgain, restarted }: Settled): string {
  const words = [version === OLD ? "old" : "new"];
  if (startedAgain) words.push("started again");
  else if (restarted) words.push("booted by the keeper");
  return words.join(", ");
}
