/** Cells of a table of label × fault, and what became of each. */
export interface CellOf<F extends string> {
  scenario: string;
  label: string;
  /** The n-th time that this label is passed. */
  time: number;
  fault: F;
}

export interface OutcomeOf<F extends string> extends CellOf<F> {
  /** Such as `old`, `new, started again`. */
  outcome: string;
  problems: string[];
  ms: number;
}

export const NOT_RUN = "not run";

export const nameOf = ({ scenario, label, time, fault }: CellOf<string>): string =>
  `${scenario} ${label}${time > 1 ? `#${time}` : ""} × ${fault}`;

/** `count`: so many of `total` have been run. */
export function printOutcome(outcome: OutcomeOf<string>, count: number, total: number): void {
  const seconds = (outcome.ms / 1000).toFixed(1);
  console.log(`${count}/${total} ${nameOf(outcome)}: ${outcome.outcome} (${seconds} s)`);
  for (const problem of outcome.problems) console.log(problem.replaceAll(/^/gm, "    "));
}
