/**
 * docs/benchmarks.md: what people wrote there stays, what stands between marks is made from
 * bench/results.json, the record of the last run that was written.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../test/helpers/example.ts";
import { PARTS } from "../sections.ts";
import type { Machine } from "./machine.ts";
import type { Recorded } from "./section.ts";
import { markdownResults, markdownRows } from "./table.ts";

export interface Results {
  machine: Machine;
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
export function writeResults({ machine, sections }: Results): void {
  const before = readResults();
  const versions = { ...before?.machine.versions, ...machine.versions };
  const results = {
    machine: { ...machine, versions },
    sections: { ...before?.sections, ...sections },
  };
  writeFileSync(RESULTS, `${JSON.stringify(results, null, 2)}\n`);
  writeFileSync(PAGE, renderPage(readFileSync(PAGE, "utf8"), results));
}

export function renderPage(page: string, results: Results): string {
  const blocks = {
    machine: machineBlock(results),
    table: tableBlock(results),
    others: others(results),
  };
  return Object.entries(blocks).reduce((text, [name, block]) => {
    const marked = new RegExp(`(<!-- bench: ${name} -->\n)[\\s\\S]*?(<!-- end -->)`);
    if (!marked.test(text)) throw new Error(`no mark "bench: ${name}" in ${PAGE}`);
    return text.replace(marked, (_, begin, end) => `${begin}\n${block}\n\n${end}`);
  }, page);
}

function machineBlock({ machine, sections }: Results): string {
  const versions = Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`);
  const dates = [...new Set(Object.values(sections).map(({ date }) => date))].sort();
  const seconds = Object.values(sections).reduce((sum, { tookSeconds }) => sum + tookSeconds, 0);
  return [
    `- ${machine.processor}; ${machine.system}`,
    `- ${versions.join(", ")}`,
    `- measured on ${dates.join(" and ")}, in ${(seconds / 60).toFixed(0)} minutes`,
  ].join("\n");
}

function tableBlock(results: Results): string {
  const found = sectionsOf(results).filter(({ part }) => part.title === undefined);
  const rows = found.flatMap(({ recorded }) => recorded.rows);
  return [markdownRows(rows), ...found.flatMap(failure)].join("\n\n");
}

function others(results: Results): string {
  const all = sectionsOf(results);
  const own = all.filter(({ part }) => part.title === undefined);
  const tables = all.filter(({ part }) => part.title !== undefined);
  return [
    "### Service and supervisor, against node",
    markdownResults(own.flatMap(({ recorded }) => recorded.results)),
    ...tables.flatMap((one) => [
      `### ${one.part.title}`,
      ...failure(one),
      ...(one.recorded.failure === undefined ? [markdownResults(one.recorded.results)] : []),
    ]),
  ].join("\n\n");
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
