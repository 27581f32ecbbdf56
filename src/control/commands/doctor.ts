import { errorToJson, TsugiError } from "../../contract/errors.ts";
import { stopwatch } from "../../platform/clock.ts";
import type { CheckResult, Diagnosis } from "../../protocol/documents.ts";
import { wrapLines } from "../../protocol/wrap.ts";
import type { Context } from "../context.ts";
import { runChecks } from "../doctor/checks.ts";
import { count, print, printResult } from "../output.ts";

/** Whoever asks at night waits no longer; a disk that does not answer in it is a finding too. */
const LIMIT_MS = 30_000;

export default async function doctorCommand(context: Context, { json }: { json?: boolean }) {
  const { name, root, bin } = context.layout;
  const ms = stopwatch();
  const checks = await runChecks(context, LIMIT_MS);
  const found = checks.reduce((sum, { findings }) => sum + findings.length, 0);
  const value: Diagnosis = { name, root, checks, ms: ms() };
  const text = describe(value);
  if (found === 0) return printResult<Diagnosis>(json, value, text);
  if (!json) print(text);
  const error = new TsugiError("TSUGI_HOST_UNWELL", { count: count(found, "thing"), root, bin });
  throw Object.assign(error, { value: { ...value, error: errorToJson(error) } });
}

function describe({ name, root, checks }: Diagnosis): string {
  const width = Math.max(...checks.map(({ check }) => check.length));
  const lines = checks.flatMap((result) => linesOf(result, width));
  return wrapLines([`${name} in ${root}`, "", ...lines].join("\n"), process.stdout.columns || 80);
}

const linesOf = ({ check, note, findings }: CheckResult, width: number): string[] => [
  `${check.padEnd(width)}  ${findings.length > 0 ? `WRONG  ${note}` : `ok  ${note}`}`.trimEnd(),
  ...findings.flatMap(({ problem, remedy }) => [
    `  ${problem}`,
    ...remedy.split(" · ").map((step) => `    → ${step}`),
  ]),
];
