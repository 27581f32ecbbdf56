import type { Arena } from "../contestants/arena.ts";
import type { Bench } from "./bench.ts";
import type { Result } from "./result.ts";
import type { Row } from "./row.ts";

/** What a part of the bench has found: rows of the one table, and numbers against one rival. */
export interface Section {
  rows?: Row[];
  results?: Result[];
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
