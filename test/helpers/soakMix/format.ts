/** The end of a mixed soak in words. */
import { alignTable, formatTallies } from "../traffic/table.ts";
import { broken, type MixResult } from "./mix.ts";
import { courses, formatCourse } from "./readings.ts";

/** Too few readings say nothing about growth. */
const LEAST_READINGS = 40;

export function formatMix(result: MixResult): { lines: string[]; whole: boolean } {
  const { operations, strategies, killed, verdict, tallies, readings, wholeMs } = result;
  const list = (counts: Map<string, number>) =>
    [...counts].sort(([, a], [, b]) => b - a).map(([name, count]) => `${count} ${name}`);
  const total = [...operations.values()].reduce((sum, count) => sum + count, 0);
  const zeros = broken(result);
  const looks = readings.length < LEAST_READINGS ? [] : courses(readings, wholeMs);
  const excused = tallies.reduce((sum, tally) => sum + tally.counts.excused, 0);
  const lines = [
    formatTallies(tallies),
    "",
    `${total} operations in ${(wholeMs / 60_000).toFixed(1)} minutes:`,
    ...list(operations).map((line) => `  ${line}`),
    `by ${list(strategies).join(", ")}`,
    `${killed} kills, which took ${excused} requests and connections with them`,
    `${verdict.acknowledged} increments acknowledged, in ${verdict.lives} lives of the state`,
    "",
    ...alignTable(Object.entries(zeros).map(([name, count]) => [name, String(count)])),
    "",
    ...(looks.length > 0
      ? alignTable([["", "early", "late", ""], ...looks.map(formatCourse)])
      : [`${readings.length} readings of memory: too few to say whether it grows`]),
  ];
  const whole =
    Object.values(zeros).every((count) => count === 0) && looks.every(({ flat }) => flat);
  return { lines, whole };
}
