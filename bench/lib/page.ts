/**
 * docs/benchmarks.md: what people wrote there stays, what stands between markers is made from
 * bench/results.json, the record of the last run that was written.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folded, withText } from "../../scripts/lib/reliability.ts";
import { projectRoot } from "../../test/helpers/example.ts";
import { PARTS } from "../sections.ts";
import type { Result } from "./result.ts";
import type { Recorded } from "./section.ts";
import type { Surroundings } from "./surroundings.ts";
import { markdownResults, markdownRows } from "./table.ts";

export interface Results extends Surroundings {
  sections: Record<string, Recorded>;
}

const RESULTS = join(projectRoot, "bench", "results.json");
export const PAGE = join(projectRoot, "docs", "benchmarks.md");

export function readResults(): Results | undefined {
  try {
    return JSON.parse(readFileSync(RESULTS, "utf8"));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** What was not measured now is kept as it was. */
export function writeResults({ machine, versions, sections }: Results): void {
  const before = readResults();
  const results = {
    machine,
    versions: { ...before?.versions, ...versions },
    sections: { ...before?.sections, ...sections },
  };
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(PAGE, renderPage(readFileSync(PAGE, "utf8"), results));
}

export function renderPage(page: string, results: Results): string {
  const sections = {
    machine: machineText(results),
    table: tableText(results),
    rivals: rivalsText(results),
  };
  return Object.entries(sections).reduce(
    (text, [name, body]) => withText(text, { name, command: "npm run bench -- --write", body }),
    page,
  );
}

function machineText({ machine, versions, sections }: Results): string {
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const dates = [...new Set(Object.values(sections).map(({ date }) => date))].sort();
  const seconds = Object.values(sections).reduce((sum, { tookSeconds }) => sum + tookSeconds, 0);
  return [
    `- Measured on ${dates.join(" and ")}, in ${Math.round(seconds / 60)} minutes`,
    `- Machine, and who measured: ${machine}`,
    `- ${programs.join(", ")}`,
    ...yardstick(sections),
  ].join("\n");
}

/** Of bare Node, on the machine that the aims in milliseconds were set on. */
const REQUESTS_THERE = 46_848;

/** Machines differ by more than what is measured: how fast this one was, by what owes tsugi nothing. */
function yardstick({ throughput }: Results["sections"]): string[] {
  const [row] = throughput?.rows ?? [];
  const here = Number.parseInt(row?.cells.node?.text ?? "", 10);
  if (Number.isNaN(here)) return [];
  const ratio = (here / REQUESTS_THERE).toFixed(2);
  return [
    `- Bare node answered ${here} requests/s here, where the machine that the aims in milliseconds were set on has it answer ${REQUESTS_THERE}: this one is × ${ratio} as fast`,
  ];
}

function tableText(results: Results): string {
  const found = sectionsOf(results).filter(({ part }) => part.title === undefined);
  const rows = found.flatMap(({ recorded }) => recorded.rows);
  return [markdownRows(rows), ...found.flatMap(failure)].join("\n\n");
}

function rivalsText(results: Results): string {
  const all = sectionsOf(results);
  const own = all.filter(({ part }) => part.title === undefined);
  const tables = all.filter(({ part }) => part.title !== undefined);
  return [
    missedAims(all.flatMap(({ recorded }) => recorded.results)),
    folded(
      "Service and supervisor, against node",
      markdownResults(own.flatMap(({ recorded }) => recorded.results)),
    ),
    ...tables.map((one) =>
      folded(one.part.title!, failure(one)[0] ?? markdownResults(one.recorded.results)),
    ),
  ].join("\n\n");
}

function missedAims(results: Result[]): string {
  const aimed = results.filter(({ aim }) => aim !== undefined);
  const missed = aimed.filter(({ reached }) => !reached);
  const summary = `**${aimed.length - missed.length} of ${aimed.length} aims were met in this run.**`;
  if (missed.length === 0) return summary;
  const lines = missed.map(({ what, tsugi, outcome, aim }) => {
    const found = [tsugi, outcome].filter((text) => text !== "").join(", ");
    return `- ${what}: ${found}; the aim was ${aim}`;
  });
  return [`${summary} Not met:\n`, ...lines].join("\n");
}

const sectionsOf = ({ sections }: Results) =>
  Object.entries(PARTS).flatMap(([name, part]) => {
    const recorded = sections[name];
    return recorded === undefined ? [] : [{ name, part, recorded }];
  });

function failure({ name, recorded }: { name: string; recorded: Recorded }): string[] {
  if (recorded.failure === undefined) return [];
  return [`**\`${name}\` failed in this run**: ${recorded.failure}`];
}
