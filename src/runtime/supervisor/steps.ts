/**
 * What each step of an upgrade does, and how what it did is undone while the old generation still
 * has everything. Names, phases and words stand in contract/steps.ts; a step that is added is a row
 * there, a row here, and its place in the plan (relup/compose.ts).
 */
import { errorToJson, TsugiError } from "../../contract/errors.ts";
import { stopwatch } from "../../platform/clock.ts";
import type { StepReport, UpgradeReport } from "../../protocol/report.ts";
import type { Instruction, Operation } from "../../relup/instructions.ts";
import { runHook } from "./appup.ts";
import { askFirst } from "./firstAnswer.ts";
import { carries, hasState, type Slot } from "./generation.ts";
import type { UpgradeJob, UpgradeState } from "./job.ts";
import { allPassedOn, moveConnections } from "./moveConnections.ts";
import { probation, probationNote } from "./probation.ts";
import { retireSlots, tellEnded } from "./retire.ts";
import { refuseSilent } from "./silence.ts";
import { carryStates, freeze, prepareCarry, rehearseStates, thaw } from "./stateSteps.ts";
import type { Retired } from "./takeover.ts";

const AGAIN_MS = 1_000;

interface StepRun {
  /** `entry`: what the report says of it. Resolves with words, where they are others than always. */
  run(upgrade: UpgradeState, instructions: Instruction[], entry: StepReport): Promise<unknown>;
  /** Before the point of no return. Never throws. */
  undo?(upgrade: UpgradeState): Promise<void>;
  /** A check runs it too: it leaves nothing behind, and the old generation does not notice. */
  isTrial?: true;
  /** In `releases/`: waited for, whoever dies meanwhile. */
  isWrite?: true;
}

export const STEP_RUNS: Readonly<Record<Operation, StepRun>> = {
  before: { run: (upgrade, [hook], entry) => runHook(upgrade, hook!, entry) },
  load: { run: load, undo: abandon, isTrial: true },
  rehearse: {
    run: (upgrade) => refuseSilent(upgrade).then(() => rehearseStates(upgrade)),
    isTrial: true,
  },
  install: {
    run: ({ job, next }) => job.handler.install(next.version),
    undo: ({ job }) => fallBack(job),
    isWrite: true,
  },
  freeze: {
    run: (upgrade, instructions) => freeze(upgrade, slotsOf(upgrade.old.slots, instructions)),
    undo: thaw,
  },
  carry: { run: carryStates },
  announce: {
    run: async ({ takeover, old, next, unsteady }) => takeover.announce?.(old, next, unsteady),
  },
  activate: { run: activate },
  connections: { run: ({ old, next, tally }) => moveConnections(old, next, tally) },
  stop: { run: stop },
  probation: { run: prove },
  commit: { run: commit, isWrite: true },
  takeOver: { run: async ({ takeover }) => takeover.takeOver?.() },
  prune: { run: prune },
  retire: { run: retire },
  after: { run: (upgrade, [hook], entry) => runHook(upgrade, hook!, entry) },
};

const slotsOf = (slots: readonly Slot[], instructions: readonly Instruction[]): Slot[] => {
  const names = instructions.map((one) => ("process" in one ? one.process : undefined));
  return slots.filter(({ process }) => names.includes(process.name));
};

/** On standby, or, where the old one has been stopped for it, to begin to work at once. */
async function load(upgrade: UpgradeState, instructions: Instruction[]): Promise<void> {
  const isLate = upgrade.stoppedMs !== undefined;
  if (!isLate) await refuseSilent(upgrade);
  const processes = instructions.flatMap((one) => ("process" in one ? (one.process ?? []) : []));
  await upgrade.takeover.load(processes, isLate ? "active" : "standby");
  if (isLate) return;
  await upgrade.job.supervisor.slots.allStarted();
  await prepareCarry(upgrade);
  await upgrade.takeover.connect?.(upgrade.old, upgrade.next);
  if (!upgrade.job.checkOnly) await upgrade.takeover.introduce?.(upgrade.old, upgrade.next);
}

async function abandon({ next, takeover, leftovers }: UpgradeState): Promise<void> {
  leftovers.push(...(await takeover.abandon(next.slots)));
}

/**
 * In `releases/`, it is not current any more. Again and again where the disk is full: nobody else would know that it was given up.
 */
async function fallBack(job: UpgradeJob): Promise<void> {
  const { handler, supervisor, next } = job;
  try {
    await handler.fallBack(next.version);
  } catch (error) {
    supervisor.noteError(error);
    setTimeout(() => {
      if (supervisor.state === "serving") void fallBack(job);
    }, AGAIN_MS).unref();
  }
}

async function activate(upgrade: UpgradeState, instructions: Instruction[]): Promise<void> {
  const { job, old, next, report, pausedMs } = upgrade;
  const timeoutMs = next.settings.timeouts.readyMs;
  const slots = slotsOf(next.slots, instructions);
  await Promise.all(
    slots.map(async ({ worker }) => {
      const reply = await worker.request({ type: "activate" }, { timeoutMs });
      worker.servesAt = reply?.listens;
    }),
  );
  const pauses = (slot: Slot) => hasState(slot) || carries(slot);
  const hasPaused = slotsOf(old.slots, instructions).some(pauses);
  if (hasPaused || job.plan.strategy === "restart") report.pauseMs = pausedMs();
  if (upgrade.stoppedMs) report.pauseMs = Math.max(report.pauseMs, upgrade.stoppedMs());
  upgrade.overlapMs ??= stopwatch();
  if (job.supervisor.current !== next) job.supervisor.serve(next);
}

async function stop(upgrade: UpgradeState, instructions: Instruction[]): Promise<void> {
  const { old, report, tally } = upgrade;
  // Nobody serves from here on, until its successor is activated.
  upgrade.stoppedMs = stopwatch();
  const slots = slotsOf(old.slots, instructions);
  // What ends in order counts itself.
  for (const { worker } of slots) tally.open.delete(worker);
  const retired = await retireSlots(slots, old.settings.timeouts);
  upgrade.leftovers.push(...retired.leftovers);
  countRetired(report, retired);
}

function countRetired(report: UpgradeReport, retired: Retired): void {
  const { connections } = report;
  connections.drained += retired.drained;
  connections.lost += retired.lost;
  if (retired.closed > 0) connections.closed = (connections.closed ?? 0) + retired.closed;
  if (retired.cut?.length) connections.cut = [...(connections.cut ?? []), ...retired.cut];
  tellEnded(report, retired);
}

async function prove({ job, old, next }: UpgradeState): Promise<string | undefined> {
  const { listeners } = job.supervisor.parts;
  for (const text of await askFirst(next, listeners)) job.supervisor.note(text);
  const note = probationNote(next.settings);
  if (note !== undefined) job.supervisor.note(note);
  await probation(next, old.version, () => listeners.firstAddress());
  return note;
}

async function commit({ job, next }: UpgradeState): Promise<void> {
  const unwritten = await job.handler.commit(next.version, { rollback: job.rollback });
  if (unwritten !== undefined) job.supervisor.noteError(unwritten);
}

/** Only what is in no use: a failure to tidy up is no failure of the upgrade. */
async function prune({ job, old, next }: UpgradeState): Promise<void> {
  const inUse = [old.version, next.version];
  await job.handler.prune(next.settings.keepReleases, inUse).catch(() => []);
}

async function retire(upgrade: UpgradeState, instructions: Instruction[]): Promise<void> {
  const { old, report, takeover, tally } = upgrade;
  const retired = await takeover.retire(slotsOf(old.slots, instructions), old.settings.timeouts);
  upgrade.leftovers.push(...retired.leftovers);
  countRetired(report, retired);
  report.overlapMs = upgrade.overlapMs?.() ?? 0;
  await allPassedOn(tally);
  if (retired.leftovers.length > 0) report.error = errorToJson(oldCodeLeft(upgrade, retired));
}

/** A new process is clean; one that goes on may not be. */
function oldCodeLeft({ job, old, next }: UpgradeState, { leftovers }: Retired): TsugiError {
  const { bin } = job.supervisor.parts.layout;
  const what = leftovers.map((one) => one.what).join(", ");
  const details = { version: next.version, previous: old.version, what, bin };
  return new TsugiError("TSUGI_OLD_CODE_LEFT", details);
}
