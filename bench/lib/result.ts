import { alignTable } from "../../test/helpers/traffic/table.ts";

/** One line of the table. */
export interface Result {
  what: string;
  tsugi: string;
  against: string;
  /** What the two make together: a ratio, a difference. */
  outcome: string;
  aim?: string;
  reached?: boolean;
}

export function formatResults(results: Result[]): string {
  const rows = results.map(({ what, tsugi, against, outcome, aim = "", reached }) => [
    what,
    tsugi,
    against,
    outcome,
    aim === "" ? "" : `${aim} ${reached ? "yes" : "NO"}`,
  ]);
  return alignTable([["", "tsugi", "against", "outcome", "aim"], ...rows]).join("\n");
}
