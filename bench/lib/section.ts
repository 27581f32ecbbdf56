import type { Arena } from "../contestants/arena.ts";
import type { Bench } from "./bench.ts";
import type { Result } from "./result.ts";
import type { Row } from "./row.ts";

/** What a part of the bench has found: rows of the one table, and numbers against one rival. */
export interface Section {
  rows?: Row[];
  results?: Result[];
}

/** An error in one line, for a table: without the folders of this machine. */
export function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .trim()
    .split("\n")[0]!
    .replace(/(\/[^\s/:]+)+\//g, "…/");
}

export type Measure = (bench: Bench, arena: Arena) => Promise<Section>;

/** A section as it is kept: what was found, when, and what went wrong. */
export interface Recorded {
  rows: Row[];
  results: Result[];
  failure?: string;
  tookSeconds: number;
  date: string;
}
