/** Tables for a terminal and for a page. */
import { folded } from "../../scripts/lib/reliability.ts";
import { alignTable } from "../../test/helpers/traffic/table.ts";
import { NAMES, TITLES } from "../contestants/contestant.ts";
import type { Result } from "./result.ts";
import type { Cell, Row } from "./row.ts";

interface Noted {
  cells: string[][];
  /** The reasons, each with its mark. */
  notes: string[];
}

/** The one table for a terminal, what its marks mean below it. */
export function formatRows(rows: Row[]): string {
  const { cells, notes } = noted(rows);
  return [...alignTable([header(), ...cells]), "", ...notes].join("\n");
}

export function markdownRows(rows: Row[]): string {
  const { cells, notes } = noted(rows);
  const meanings = rows.map(({ what, meaning }) => [what, meaning]);
  return [
    markdownTable([header(), ...cells]),
    notes.map((note) => `${note}  `).join("\n"),
    folded("How each row is measured", markdownTable([["row", "how it is measured"], ...meanings])),
  ].join("\n\n");
}

const RESULT_HEADER = ["", "tsugi", "against", "outcome", "aim", "met"];

const resultCells = (results: Result[]) =>
  results.map(({ what, tsugi, against, outcome, aim = "", reached }) => [
    what,
    tsugi,
    against,
    outcome,
    aim,
    aim === "" ? "" : reached ? "yes" : "NO",
  ]);

export const formatResults = (results: Result[]): string =>
  alignTable([RESULT_HEADER, ...resultCells(results)]).join("\n");

export const markdownResults = (results: Result[]): string =>
  markdownTable([
    RESULT_HEADER,
    ...resultCells(results).map((row) => row.map((cell) => cell.replace("NO", "**no**"))),
  ]);

const header = () => ["", ...NAMES.map((name) => TITLES[name])];

function noted(rows: Row[]): Noted {
  const reasons: string[] = [];
  const mark = (note: string) => {
    if (!reasons.includes(note)) reasons.push(note);
    return superscript(reasons.indexOf(note) + 1);
  };
  const textOf = ({ text, note }: Cell) => (text ?? "–") + (note === undefined ? "" : mark(note));
  const cells = rows.map((row) => [row.what, ...NAMES.map((name) => textOf(row.cells[name]))]);
  return { cells, notes: reasons.map((reason, at) => `${superscript(at + 1)} ${reason}`) };
}

const superscript = (value: number) =>
  String(value).replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]!);

function markdownTable([head, ...rows]: string[][]): string {
  const line = (cells: string[]) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|").replaceAll("<", "&lt;")).join(" | ")} |`;
  const rule = head!.map((_, at) => (at === 0 ? "---" : "---:"));
  return [line(head!), line(rule), ...rows.map(line)].join("\n");
}
