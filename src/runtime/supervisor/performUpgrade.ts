/**
 * One upgrade, from what was asked for to its report: the plan is made, what stands in its way is
 * refused, upgrade.ts does it, and how it went is told and written down.
 */

import { defined } from "../../contract/checks.ts";
import { errorOf, hasCode, messageOf, TsugiError } from "../../contract/errors.ts";
import type { ReleaseHandler } from "../../handler/index.ts";
import { readHostSettings } from "../../handler/settings.ts";
import { fault } from "../../platform/faults.ts";
import type { ControlEvent } from "../../protocol/control.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import { type Plan, replacesSupervisor } from "../../relup/instructions.ts";
import { factsOf } from "./facts.ts";
import { checkWorkers } from "./health.ts";
import type { UpgradeJob } from "./job.ts";
import type { OngoingUpgrade } from "./ongoingUpgrade.ts";
import { emptyReport } from "./report.ts";
import type { Supervisor } from "./supervisor.ts";
import { whyNoSwap } from "./swapRefusal.ts";
import { runUpgrade } from "./upgrade.ts";
import { type UpgradeRequest, wishOf } from "./upgradeRequest.ts";

/** How long a worker may take to say what it has. */
const LOOK_MS = 2_000;

/** What only who keeps the upgrades knows. */
type Asked = Pick<UpgradeJob, "confirm" | "stop">;

/** Whoever reads the application's log finds what has happened to it there. */
export async function performUpgrade(
  supervisor: Supervisor,
  request: UpgradeRequest,
  ongoing: OngoingUpgrade,
  asked: Asked,
): Promise<UpgradeReport> {
  const what = wishOf(request);
  const isCheck = request.options.checkOnly === true;
  if (!isCheck) supervisor.note(`${what}: begun`);
  try {
    return await perform(supervisor, request, ongoing, asked);
  } catch (error) {
    if (!isCheck) supervisor.note(`${what}: refused: ${messageOf(error)}`);
    supervisor.tellIfFull(error);
    throw error;
  }
}

async function perform(
  supervisor: Supervisor,
  request: UpgradeRequest,
  ongoing: OngoingUpgrade,
  { confirm, stop }: Asked,
): Promise<UpgradeReport> {
  const { mask } = supervisor.parts;
  const emit = (event: ControlEvent) => ongoing.emit(event);
  const handler = await supervisor.parts.loadHandler();
  await fault("upgrade:plan");
  const { plan, manifest, releaseId } = await planFor(supervisor, handler, request);
  emit({ event: "line", text: `strategy: ${plan.strategy} (${plan.reasons[0]})` });
  if (plan.strategy === "none") return { ...emptyReport(plan), result: "committed" };
  refuseObstacles(plan);
  if (request.options.checkOnly) listHooks(plan, emit);
  if (!request.reload) await verifyOnce(handler, request.version);
  if (request.options.checkOnly && !request.options.boot && !manifest.usesHot) {
    // Booting it would start its consumers and timers: what could be checked without is done.
    emit({ event: "line", text: "not booted: it does not use tsugi/hot (check --boot does)" });
    return { ...emptyReport(plan), result: "checked" };
  }
  const takeover = plan.strategy === "swap" ? "swap" : "handoff";
  const strategy = replacesSupervisor(plan) ? "replace" : takeover;
  const next = await supervisor.makeGeneration({ manifest, releaseId, strategy });
  const job: UpgradeJob = {
    supervisor,
    handler,
    plan,
    next,
    rehearse: request.options.rehearse ?? "auto",
    checkOnly: request.options.checkOnly ?? false,
    rollback: request.rollback === true,
    onStep: (name, state, ms, text) =>
      emit({ event: "step", name, state, ...defined({ ms, text: text || undefined }) }),
    onRetiring: (soFar) => ongoing.retires(() => mask.document(soFar())),
    confirm,
    stop,
  };
  const report = mask.document(await runUpgrade(job));
  if (!request.options.checkOnly) {
    tell(supervisor, report);
    await record(supervisor, handler, report, emit);
  }
  if (supervisor.state === "replaced") supervisor.parts.onReplaced();
  return report;
}

function tell(supervisor: Supervisor, { from, to, strategy, result, error }: UpgradeReport): void {
  const what = from === to ? `reload of ${to}` : `upgrade ${from} → ${to}`;
  const why = error === undefined ? "" : `: ${error.message}`;
  supervisor.note(`${what} by ${strategy}: ${result}${why}`);
  if (result !== "handed-back") return;
  const { code } = error ?? {};
  const told = { text: `${what}: handed back${why}`, ...defined({ code }) };
  supervisor.parts.notifier.tell("handed-back", told);
}

/** What has been done is told, also where it can't be written down. */
async function record(
  supervisor: Supervisor,
  handler: ReleaseHandler,
  report: UpgradeReport,
  emit: (event: ControlEvent) => void,
): Promise<void> {
  try {
    await handler.appendReport(report);
  } catch (error) {
    supervisor.noteError(error);
    emit({ event: "line", text: `the report is not in log/upgrades.jsonl: ${messageOf(error)}` });
  }
}

async function planFor(supervisor: Supervisor, handler: ReleaseHandler, request: UpgradeRequest) {
  const { current, parts } = supervisor;
  const { manifest: from } = current.plan;
  const to = await handler.manifest(request.version);
  const host = await readHostSettings(parts.layout, request.version);
  parts.mask.learn(host.env);
  const list = await handler.list();
  // What earlier swaps have left, and what will have to be closed, is asked for anew.
  await checkWorkers(current, LOOK_MS);
  await supervisor.slots.allStarted();
  const entry = list.releases.find((release) => release.version === request.version);
  const { planUpgrade } = await import("../../relup/index.ts");
  const plan = planUpgrade(from, to, {
    supervisorNode: process.versions.node,
    environmentChanged: host.etcHash !== current.plan.host.etcHash,
    refusesSwap: whyNoSwap(supervisor),
    running: factsOf(current),
    reload: request.reload,
  });
  return { plan, manifest: to, releaseId: entry?.releaseId ?? current.plan.releaseId };
}

/** A version that a plain `tar x` has put here was never held against its manifest and the keys. */
async function verifyOnce(handler: ReleaseHandler, version: string): Promise<void> {
  try {
    await handler.verify(version);
  } catch (error) {
    if (!hasCode(error, "TSUGI_RELEASE_DAMAGED")) throw error;
    // Of a release that should start it is a failure, of one that is offered a refusal.
    const details = { source: `releases/${version}`, problem: String(error.details.problem) };
    throw new TsugiError("TSUGI_UNPACK_REFUSED", details, { cause: error });
  }
}

/** A check changes nothing: what an appup would run is only named. */
function listHooks({ instructions }: Plan, emit: (event: ControlEvent) => void): void {
  for (const one of instructions) {
    if (!("run" in one)) continue;
    emit({ event: "line", text: `not run in a check, ${one.op}: ${one.run}` });
  }
}

function refuseObstacles(plan: Plan): void {
  const obstacle = plan.obstacles[0];
  if (obstacle) throw errorOf(obstacle);
}
