/**
 * What runs of a sweep have found, a line each, so that a long one can be taken up again: a survey,
 * or the outcome of a cell. A failure is looked at again.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import type { Outcome } from "./cell.ts";
import { type CellOf, NOT_RUN, nameOf, type OutcomeOf } from "./outcome.ts";
import type { Survey } from "./survey.ts";

type AnySurvey = { scenario: { name: string }; instants: unknown[] };

export class Results<S extends AnySurvey = Survey, O extends OutcomeOf<string> = Outcome> {
  readonly #path: string | undefined;
  readonly surveys = new Map<string, S>();
  readonly outcomes = new Map<string, O>();

  constructor(path: string | undefined) {
    this.#path = path;
    if (path === undefined || !existsSync(path)) return;
    for (const line of readFileSync(path, "utf8").split("\n").filter(Boolean)) {
      const found = JSON.parse(line) as S | O;
      if ("instants" in found) this.surveys.set(found.scenario.name, found);
      else if (found.outcome !== "FAIL") this.outcomes.set(nameOf(found), found);
    }
  }

  addSurvey(survey: S): void {
    this.surveys.set(survey.scenario.name, survey);
    this.#append(survey);
  }

  addOutcome(outcome: O): void {
    this.outcomes.set(nameOf(outcome), outcome);
    this.#append(outcome);
  }

  /** What is known of it, also from earlier runs. */
  of(cell: CellOf<O["fault"]>): O {
    const blank = { ...cell, outcome: NOT_RUN, problems: [], ms: 0 } as unknown as O;
    return this.outcomes.get(nameOf(cell)) ?? blank;
  }

  #append(line: S | O): void {
    if (this.#path !== undefined) appendFileSync(this.#path, `${JSON.stringify(line)}\n`);
  }
}
