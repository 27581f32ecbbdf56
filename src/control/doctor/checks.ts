/**
 * `doctor`: what is looked at, one file a check. A check reads; it changes nothing, waits for no lock and needs
 * nothing that runs. To add one: a file and a row, and one in tsugi_doctor.erl.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { CheckResult } from "../../protocol/documents.ts";
import type { Context } from "../context.ts";
import { checkClock } from "./clock.ts";
import { checkFiles } from "./files.ts";
import { checkLeftovers } from "./leftovers.ts";
import { checkPermissions } from "./permissions.ts";
import { checkPorts } from "./ports.ts";
import { checkProcesses } from "./processes.ts";
import { type Check, findingOf, type Seen } from "./seen.ts";
import { checkSpace } from "./space.ts";

const CHECKS: Readonly<Record<string, Check>> = {
  space: checkSpace,
  ports: checkPorts,
  clock: checkClock,
  permissions: checkPermissions,
  leftovers: checkLeftovers,
  processes: checkProcesses,
  files: checkFiles,
};

export async function runChecks(context: Context, limitMs: number): Promise<CheckResult[]> {
  const deadline = performance.now() + limitMs;
  const isLate = () => performance.now() > deadline;
  // A little more: one that asks `isLate` says itself how far it came.
  const over = delay(limitMs + 500, undefined, { ref: false }).then(() => late(limitMs));
  return Promise.all(
    Object.entries(CHECKS).map(async ([check, look]) => ({
      check,
      ...(await Promise.race([look(context, isLate).catch(failed), over])),
    })),
  );
}

const late = (limitMs: number): Seen => ({
  note: "",
  findings: [
    {
      problem: `Nothing was heard within ${limitMs / 1000} s.`,
      remedy: "Does the disk answer? dmesg",
    },
  ],
});

const failed = (error: unknown): Seen => ({ note: "", findings: [findingOf(error)] });
