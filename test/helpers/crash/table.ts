/** The outcomes as a table of label × fault: on a terminal, and as Markdown. */
import { folded } from "../../../scripts/lib/reliability.ts";
import type { Fault, Outcome } from "./cell.ts";
import { SCENARIOS } from "./scenarios.ts";

/** In the order of the columns. */
const HEADS: Record<Fault, string> = {
  supervisor: "supervisor killed",
  successor: "successor killed",
  "old-worker": "old worker killed",
  "new-worker": "new worker killed",
  control: "command killed",
  eio: "EIO",
  "full-disk": "disk full",
  torn: "torn write",
};

/** `outcomes` in the order of the run. */
export function markdownTables(outcomes: readonly Outcome[]): string {
  return SCENARIOS.flatMap(({ name, what }) => {
    const own = outcomes.filter((outcome) => outcome.scenario === name);
    return own.length === 0 ? [] : [folded(`${name}: ${what}`, tableOf(own, HEADS))];
  }).join("\n\n");
}

/** One row a label, one column a fault: those of `heads` that happen. */
export function tableOf<F extends string>(
  outcomes: readonly (Pick<Outcome, "label" | "time" | "outcome"> & { fault: F })[],
  heads: Record<F, string>,
): string {
  const columns = (Object.keys(heads) as F[]).filter((fault) =>
    outcomes.some((outcome) => outcome.fault === fault),
  );
  const labels = [...new Set(outcomes.map(instantOf))];
  const rows = labels.map((label) => {
    const cells = columns.map((fault) => {
      return outcomes.find((one) => one.fault === fault && instantOf(one) === label)?.outcome;
    });
    return `| \`${label}\` | ${cells.map((cell) => cell ?? "–").join(" | ")} |`;
  });
  const head = `| label | ${columns.map((fault) => heads[fault]).join(" | ")} |`;
  return [head, `|---|${columns.map(() => "---|").join("")}`, ...rows].join("\n");
}

const instantOf = ({ label, time }: Pick<Outcome, "label" | "time">) =>
  time > 1 ? `${label}#${time}` : label;

/** `old 12, new 3, FAIL 0`. */
export function summary(outcomes: readonly Pick<Outcome, "outcome">[]): string {
  const counts = new Map<string, number>([["FAIL", 0]]);
  for (const { outcome } of outcomes) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
  return [...counts]
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, count]) => `${outcome}: ${count}`)
    .join("\n");
}
