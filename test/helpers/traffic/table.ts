import type { Counts, Tally } from "./tally.ts";

const PROBLEMS_SHOWN = 5;

/** The tallies as a table of at most 80 columns, and below it what went wrong, in words. */
export function formatTallies(tallies: Tally[]): string {
  const versions = [...new Set(tallies.flatMap((tally) => [...tally.byVersion.keys()]))].sort();
  const header = ["clients", "sent", "answered", "failed", "reconnected", "slowest", ...versions];
  const rows = tallies.map((tally) => [
    tally.kind,
    `${tally.counts.sent}`,
    `${tally.counts.answered}`,
    `${tally.failures}`,
    `${tally.counts.reconnected}`,
    `${tally.slowestMs.toFixed(0)} ms`,
    ...versions.map((version) => `${tally.byVersion.get(version) ?? 0}`),
  ]);
  const problems = tallies.flatMap((tally) =>
    tally.failures === 0
      ? []
      : [`${tally.kind}: ${failuresOf(tally.counts)}`, ...tally.problems.slice(0, PROBLEMS_SHOWN)],
  );
  return [...alignTable([header, ...rows]), ...problems].join("\n");
}

/** First column to the left, the others to the right. */
export function alignTable(rows: string[][]): string[] {
  const widths = rows[0]!.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[at]!)))
      .join("  ")
      .trimEnd(),
  );
}

function failuresOf(counts: Counts): string {
  const fine = ["sent", "answered", "reconnected", "excused"];
  return Object.entries(counts)
    .filter(([name]) => !fine.includes(name))
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}
