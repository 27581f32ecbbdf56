/**
 * Which labels a scenario passes through, found by running it undisturbed and holding it at every
 * one of them: who is there at that instant can be hit there.
 */
import type { Lane } from "./lane.ts";
import { type Role, Run } from "./run.ts";
import { type Scenario, versionOf } from "./scenarios.ts";
import { goOn, settle } from "./settled.ts";

export interface Instant {
  label: string;
  /** The n-th time that this label is passed. */
  time: number;
  /** In the order of the run. */
  index: number;
  /** Who is at this label. */
  holder: Role;
  present: Role[];
}

export interface Survey {
  scenario: Scenario;
  instants: Instant[];
}

export async function survey(lane: Lane, scenario: Scenario): Promise<Survey> {
  const root = await lane.fresh(scenario);
  const run = new Run(root, scenario);
  const instants: Instant[] = [];
  try {
    await run.begin();
    root.faults.arm("*=hold");
    const ended = await run.command(async ({ pid, label }) => {
      const { cast } = run;
      const time = instants.filter((instant) => instant.label === label).length + 1;
      const holder = cast.get(pid);
      if (holder === undefined) throw new Error(`nobody knows pid ${pid}, which is at ${label}`);
      const present = [...new Set(cast.values())];
      instants.push({ label, time, index: instants.length, holder, present });
    });
    root.faults.disarm();
    const settled = await settle(run);
    const problems = [...settled.problems, ...(await goOn(run, settled))];
    const expected = versionOf(scenario.end === "old" ? scenario.from : scenario.to);
    if (settled.version !== expected) problems.push(`${settled.version} serves`);
    if (settled.startedAgain) problems.push("it had to be started again");
    problems.push(...(run.load?.failures ?? []));
    if (problems.length === 0) return { scenario, instants };
    throw new Error(`${scenario.name}, undisturbed: ${problems.join("\n")}\n${ended.output}`);
  } finally {
    await run.end();
    lane.remove(root);
  }
}
