/** Tells of a build as plain lines. */
import type { BuildReport } from "../build/report.ts";
import { printLine } from "./output.ts";

export function plainReport(): BuildReport {
  return {
    step: (what) => printLine(`• ${what}`),
    guess: (what, value, why) => printLine(`  ${what.padEnd(8)} ${value}  (${why})`),
    note: (text) => printLine(`  ${text}`),
    warn: (text) => printLine(`! ${text}`),
  };
}
