/**
 * What an appup runs, around an upgrade:
 *
 *   before   nothing of the new version runs yet, the old one serves. A failure: refused, exit 4.
 *   after    committed, and nothing of the old version runs any more. A failure: exit 1; the new
 *            version serves and stays.
 *
 * Each runs in a process of its own with the code, the Node and the environment of the release whose
 * appup it is, one after the other; the first that fails is the last. A `check` runs none.
 */
import { TsugiError } from "../../contract/errors.ts";
import { isoNow } from "../../platform/clock.ts";
import type { StepReport } from "../../protocol/report.ts";
import type { Instruction } from "../../relup/index.ts";
import { appupCommand } from "./appupProcess.ts";
import { runCommand } from "./commandProcess.ts";
import type { UpgradeState } from "./job.ts";

/** @throws TSUGI_HOOK_FAILED */
export async function runHook(
  { job, old, next }: UpgradeState,
  instruction: Instruction,
  entry: StepReport,
): Promise<void> {
  const { plan, supervisor } = job;
  const { appup, from, to } = plan;
  if (appup === undefined || !("run" in instruction)) return;
  const { op: moment, run: hook, index } = instruction;
  const step = appup[moment].find((one) => one.index === index)!;
  const newer = next.version === appup.by ? next : old;
  const spec = newer.specOf(newer.plan.manifest.processes[0]!, 0, "rehearsal");
  const { layout, log } = supervisor.parts;
  entry.at = isoNow();
  entry.run = hook;
  supervisor.note(`appup, ${moment}: ${hook}`);
  const { problem, exitCode } = await runCommand({
    ...appupCommand(spec, moment, step, { from, to, direction: appup.direction }),
    cwd: spec.cwd,
    timeoutMs: step.timeoutMs,
    stop: job.stop,
    onLine: (pid, text) => log.line({ version: newer.version, pid, text }),
  });
  entry.exitCode = exitCode;
  supervisor.note(`appup, ${moment}: ${hook}: ${problem ?? "done"}`);
  if (problem === undefined) return;
  throw new TsugiError("TSUGI_HOOK_FAILED", { hook, moment, problem, bin: layout.bin });
}
