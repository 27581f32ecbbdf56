/** The steps of one upgrade as time goes by, with the pause marked. */
import { STEPS, type StepName } from "../contract/steps.ts";
import type { UpgradeReport } from "../protocol/report.ts";
import { type Bar, bars, type Span } from "./bars.ts";
import type { Element } from "./element.ts";
import { duration } from "./words.ts";

export function waterfall(report: UpgradeReport): Element {
  const rows = stepBars(report);
  return bars(rows, pauseOf(report, rows));
}

/** A step begins as the one before it ends. */
function stepBars({ steps }: UpgradeReport): Bar[] {
  let startMs = 0;
  return steps.map(({ name, ms, failed = false }) => {
    const value = duration(ms);
    const bar = { name, startMs, ms, failed, value, title: `${name}: ${value}${meaning(name)}` };
    startMs += ms;
    return bar;
  });
}

const meaning = (name: string): string => {
  const step = Object.hasOwn(STEPS, name) ? STEPS[name as StepName] : undefined;
  const words = step?.node ?? step?.beam;
  return words === undefined ? "" : ` (${words})`;
};

/** It begins with the first step in which the old version serves no more. */
function pauseOf({ pauseMs }: UpgradeReport, steps: readonly Bar[]): Span | undefined {
  const named = (wanted: string) => steps.find(({ name }) => name === wanted);
  const first = named("freeze") ?? named("stop");
  if (pauseMs === 0 || first === undefined) return undefined;
  return {
    startMs: first.startMs,
    ms: pauseMs,
    title: `the pause, in which nobody was answered: ${duration(pauseMs)}`,
  };
}
