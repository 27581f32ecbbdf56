/**
 * An upgrade by handoff, from the first step to the last: the one loop that owns its state. It runs
 * in the old supervisor; workers only answer. One barrier over all slots: all load, all freeze, all
 * carry, one decision; any slot that fails returns all.
 *
 *   phase       what is true                                     a failure leads to
 *   ─────────   ──────────────────────────────────────────────   ─────────────────────────────
 *   loading     old serves, untouched; new loads on standby      new ended        → refused    4
 *   frozen      old takes no request; its state is whole         new ended, thaw  → thawed     4
 *   active      new serves; old is frozen and keeps its state    hand-back        → handed-back 5
 *               (the death of an old worker is no failure now: it goes on)
 *   committed   `permanent` names the new; old is retired        reported as leftovers, exit 1
 *
 * Going from `frozen` to `active` is the point of no return: until then no socket has left the old
 * generation. An application without state skips the freeze: the new one takes requests first.
 */
import { errorToJson, TsugiError } from "../../errors.ts";
import type { ReleaseHandler } from "../../host/handler/index.ts";
import { isoNow, stopwatch } from "../../platform/clock.ts";
import { fault, strikes } from "../../platform/faults.ts";
import { REPORT_FORMAT, type StateReport, type UpgradeReport } from "../../protocol/report.ts";
import type { Plan } from "../../relup/index.ts";
import { carryState } from "./carryState.ts";
import { type DeathWatch, watchDeaths } from "./deaths.ts";
import { type Generation, needsFreeze, type Slot } from "./generation.ts";
import { handBack } from "./handBack.ts";
import { type Loading, lateProcesses, loadHere, loadInSuccessor } from "./loading.ts";
import {
  emptyTally,
  type MoveTally,
  quietSummary,
  relayConnections,
  releaseConnections,
} from "./moveConnections.ts";
import { probation } from "./probation.ts";
import { rehearse } from "./rehearsal.ts";
import { retireSlots, retireWorker, terminateWorker } from "./retire.ts";
import type { Supervisor } from "./supervisor.ts";

export interface UpgradeJob {
  supervisor: Supervisor;
  handler: ReleaseHandler;
  plan: Plan;
  next: Generation;
  rehearse: "auto" | "full" | "skip";
  /** `check`: stop before the freeze. */
  checkOnly: boolean;
  /** A step begins or ends: what a terminal shows. */
  onStep: (name: string, state: "begin" | "end", ms?: number, text?: string) => void;
  /** `install`: called once the new generation has passed probation; decides whether to commit. */
  confirm: () => Promise<"commit" | "handBack">;
}

type Phase = "loading" | "frozen" | "active" | "committed";

/** Runs it to its end and reports; never throws for a failed upgrade. */
export async function runUpgrade(job: UpgradeJob): Promise<UpgradeReport> {
  const { supervisor, handler, next, plan } = job;
  const old = supervisor.current;
  const report = startReport(plan, old.version, next.version);
  const tally = emptyTally();
  const step = stepRunner(job, old, report);
  const deaths = watchDeaths(old, next);
  const late = lateProcesses(old, next);
  const loading = (plan.strategy === "replace" ? loadInSuccessor : loadHere)(
    supervisor,
    next,
    late,
  );
  let stopRelay = () => {};
  let phase: Phase = "loading";
  let frozenAt: string | undefined;
  supervisor.upgrading = true;
  try {
    await step("load", () => deaths.raceOld(loading.standby()));
    if (old.hasState) await step("rehearse", () => deaths.race(rehearseInto(job, old, report)));
    if (job.checkOnly) {
      await abandon(next, loading);
      report.result = "checked";
      return report;
    }
    if (!isReload(report)) await step("install", () => handler.install(next.version));

    const paused = stopwatch();
    if (old.needsFreeze) {
      phase = "frozen";
      await step("freeze", () => deaths.race(freeze(old, report, tally)));
      frozenAt = isoNow();
      if (old.hasState) await step("carry", () => deaths.race(carryAll(old, next, report)));
    }
    // ── point of no return ────────────────────────────────────────────────────────────────────
    phase = "active";
    stopRelay = relayConnections(old, next, tally);
    await step("activate", () => deaths.raceNext(activate(old, next, loading, deaths)));
    if (old.hasState) report.pauseMs = paused();
    supervisor.succeed(next);
    await step("connections", () => deaths.raceNext(releaseConnections(old, tally)));
    await step("probation", () =>
      deaths.raceNext(
        probation(next, old.version, () => supervisor.parts.listeners.firstAddress()),
      ),
    );
    if ((await deaths.raceNext(job.confirm())) === "handBack") {
      const details = { version: next.version, previous: old.version, problem: "not committed" };
      throw new TsugiError("TSUGI_UNHEALTHY", details);
    }
    if (!isReload(report)) await step("commit", () => handler.commit(next.version));
    phase = "committed";
    deaths.stop();
    if (loading.takeOver) await step("takeOver", loading.takeOver);
    await step("prune", () => prune(handler, old, next));
    await step("retire", () => retireOld(old, report));
    // A successor has its own table: closing here would unlink the Unix sockets that it serves.
    if (!loading.takeOver) supervisor.parts.listeners.retain(next.number);
    report.result = "committed";
  } catch (error) {
    deaths.stop();
    report.error = errorToJson(error);
    supervisor.noteError(error);
    if (phase === "loading") {
      await abandon(next, loading);
      report.result = "refused";
    } else if (phase === "frozen") {
      await thaw(old);
      await abandon(next, loading);
      report.result = "thawed";
    } else if (phase === "active") {
      const went = await handBack(supervisor, old, next, tally, frozenAt);
      loading.abandon();
      if (went.stateAsOf) report.stateAsOf = went.stateAsOf;
      report.result = "handed-back";
    } else {
      report.leftovers.push(`failure after the commit: ${report.error.message}`);
      report.result = "committed";
    }
    if (report.result !== "committed" && !isReload(report))
      await handler.fallBack(next.version).catch(() => {});
  } finally {
    stopRelay();
    supervisor.upgrading = phase === "committed" && loading.takeOver !== undefined;
    supervisor.leftovers = report.leftovers;
    if (!supervisor.upgrading) supervisor.ensureSlots();
    report.connections.carried = tally.carried;
    report.connections.lost += tally.lost;
    report.requests.waited = tally.waited;
    report.quietMs = quietSummary(tally.quietMs);
  }
  return report;
}

function startReport(plan: Plan, from: string, to: string): UpgradeReport {
  return {
    format: REPORT_FORMAT,
    from,
    to,
    strategy: plan.strategy,
    reasons: plan.reasons,
    at: isoNow(),
    steps: [],
    pauseMs: 0,
    quietMs: { p50: 0, p99: 0, max: 0 },
    requests: { waited: 0, underWay: 0 },
    connections: { carried: 0, drained: 0, lost: 0 },
    states: [],
    leftovers: [],
    result: "refused",
  };
}

/** The same release again, with `etc/` read anew: nothing in `releases/` changes. */
const isReload = (report: UpgradeReport): boolean => report.from === report.to;

/** Each step is timed, shown, and has a label at which a test can make it fail. */
function stepRunner(job: UpgradeJob, old: Generation, report: UpgradeReport) {
  return async <T>(name: string, run: () => Promise<T>): Promise<T> => {
    job.onStep(name, "begin");
    const ms = stopwatch();
    await fault(`upgrade:${name}`);
    for (const [whose, { slots }] of [
      ["old", old],
      ["new", job.next],
    ] as const) {
      if (strikes(`upgrade:${name}:${whose}`)) slots[0]?.worker.kill("SIGKILL");
    }
    const value = await run();
    report.steps.push({ name, ms: ms() });
    job.onStep(name, "end", ms());
    return value;
  };
}

async function rehearseInto(job: UpgradeJob, old: Generation, report: UpgradeReport) {
  if (job.rehearse === "skip") return;
  const states = await rehearse(job.supervisor, old, job.next);
  report.states = states.map((state): StateReport => ({ ...state, rehearsed: true }));
}

async function freeze(old: Generation, report: UpgradeReport, tally: MoveTally): Promise<void> {
  const { freezeMs } = old.settings.timeouts;
  const replies = await Promise.all(
    old.slots.filter(needsFreeze).map(async ({ worker }) => {
      const hooksOnly = worker.declared?.states.length === 0;
      const freeze = { type: "freeze", timeoutMs: freezeMs, hooksOnly } as const;
      const reply = await worker.request(freeze, { timeoutMs: freezeMs + 2_000 });
      tally.open.set(worker, reply.connections ?? 0);
      return reply;
    }),
  );
  report.requests.underWay = replies.reduce((sum, reply) => sum + reply.underWay, 0);
}

async function carryAll(old: Generation, next: Generation, report: UpgradeReport): Promise<void> {
  const timeoutMs = old.settings.timeouts.rehearseMs;
  const rehearsed = new Set(report.states.map((state) => state.name));
  const carried = await Promise.all(
    old.slots.map(async (slot) => {
      const target = next.slotLike(slot);
      const hasState = (slot.worker.declared?.states.length ?? 0) > 0;
      return target && hasState ? carryState(slot.worker, target.worker, { timeoutMs }) : [];
    }),
  );
  report.states = carried
    .flat()
    .map((state) => ({ ...state, rehearsed: rehearsed.has(state.name) }));
}

/** What must never run twice ends before its successor begins; everything else begins at once. */
async function activate(
  old: Generation,
  next: Generation,
  loading: Loading,
  deaths: DeathWatch,
): Promise<void> {
  const timeoutMs = next.settings.timeouts.readyMs;
  const alone = old.slots.filter((slot) => !slot.process.overlap);
  for (const { worker } of alone) deaths.expect(worker);
  const begin = async (slot: Slot) => {
    const before = slot.process.overlap ? undefined : old.slotLike(slot);
    if (before) await retireWorker(before.worker, old.settings.timeouts.drainMs);
    await slot.worker.request({ type: "activate" }, { timeoutMs });
  };
  await Promise.all(next.slots.map(begin));
  await retireSlots(alone, old.settings.timeouts.drainMs);
  await loading.late();
}

/** Only what is in no use: a failure to tidy up is no failure of the upgrade. */
async function prune(handler: ReleaseHandler, old: Generation, next: Generation): Promise<void> {
  const inUse = [old.version, next.version];
  await handler.prune(next.settings.keepReleases, inUse).catch(() => []);
}

async function thaw(old: Generation): Promise<void> {
  await Promise.all(
    old.slots.map(({ worker }) =>
      worker.request({ type: "thaw" }, { timeoutMs: 10_000 }).catch(() => null),
    ),
  );
}

async function abandon(next: Generation, loading: Loading): Promise<void> {
  await Promise.all(next.slots.map(({ worker }) => terminateWorker(worker, 1_000)));
  loading.abandon();
}

async function retireOld(old: Generation, report: UpgradeReport): Promise<void> {
  const { drained, lost } = await retireSlots(old.slots, old.settings.timeouts.drainMs);
  report.connections.drained = drained;
  report.connections.lost += lost;
  for (const { worker } of old.slots) {
    if (worker.exit === null) report.leftovers.push(`worker ${worker.pid} of ${old.version}`);
  }
}
