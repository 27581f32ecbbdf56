/** A row of the one table: a quantity, and what each contestant has of it. */
import type { Outcomes } from "../contestants/arena.ts";
import { NAMES, type Name } from "../contestants/contestant.ts";
import { median, ratios } from "./statistics.ts";

export interface Cell {
  /** Without one, `note` says why there is nothing to show. */
  text?: string;
  note?: string;
}

export interface Row {
  what: string;
  /** How it was measured. */
  meaning: string;
  cells: Record<Name, Cell>;
  isFailure: boolean;
}

export interface RowOptions {
  what: string;
  meaning: string;
  quantity: string;
  format: (value: number) => string;
  /** Why a contestant has no such thing. */
  none?: Partial<Record<Name, string>>;
  /** What a reader has to know of a number. */
  notes?: Partial<Record<Name, string>>;
  /** Times tsugi's own; left out where that says nothing. Default: shown. */
  ratio?: boolean;
  /** With the least and the most of the ratios. */
  spread?: boolean;
}

/** The median of the rounds and, of the others, how many times tsugi's it is, round by round. */
export function makeRow(outcomes: Outcomes, options: RowOptions): Row {
  const { what, meaning, none = {} } = options;
  const cells = Object.fromEntries(
    NAMES.map((name) => [
      name,
      none[name] ? { note: none[name] } : cellOf(outcomes, name, options),
    ]),
  ) as Record<Name, Cell>;
  const isFailure = NAMES.some((name) => {
    const outcome = outcomes[name];
    return outcome !== undefined && "absent" in outcome && outcome.isFailure;
  });
  return { what, meaning, cells, isFailure };
}

function cellOf(outcomes: Outcomes, name: Name, options: RowOptions): Cell {
  const outcome = outcomes[name];
  if (outcome === undefined) throw new Error(`${options.what}: nothing of ${name}, and no reason`);
  if ("absent" in outcome) return { note: outcome.absent };
  const values = outcome.values[options.quantity]!;
  const note = options.notes?.[name];
  const own = outcomes.tsugi && "values" in outcomes.tsugi ? outcomes.tsugi.values : {};
  const base = own[options.quantity];
  const isCompared = name !== "tsugi" && options.ratio !== false;
  const isPositive = base?.every((one) => one > 0) ?? false;
  const ratio = isCompared && isPositive ? ` ×${ratioText(ratios(values, base!), options)}` : "";
  const text = `${options.format(median(values))}${ratio}`;
  return note === undefined ? { text } : { text, note };
}

function ratioText(all: number[], { spread = false }: RowOptions): string {
  const text = significant(median(all));
  if (!spread || all.length < 2) return text;
  const [least, most] = [Math.min(...all), Math.max(...all)].map(significant);
  return `${text} (${least}–${most})`;
}

const significant = (value: number) => value.toFixed(value < 9.95 ? (value < 0.0995 ? 3 : 2) : 0);

/** About three digits, in the unit that suits. */
const digits = (value: number) => value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);

export const milliseconds = (ms: number) =>
  ms < 999.5 ? `${digits(ms)} ms` : `${digits(ms / 1000)} s`;
export const seconds = (ms: number) => `${digits(ms / 1000)} s`;
export const megabytes = (value: number) => `${digits(value)} MB`;
export const bytes = (value: number) =>
  value < 999_500 ? `${digits(value / 1e3)} KB` : megabytes(value / 1e6);
export const count = (value: number) => value.toFixed(0);
