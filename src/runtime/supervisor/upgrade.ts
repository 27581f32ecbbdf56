/**
 * An upgrade, from the first step to the last: a fold over the instructions of its plan. It runs in
 * the old supervisor; workers only answer. What each step does stands in steps.ts; its phase, its
 * words and what a failure in it leads to in contract/steps.ts.
 *
 * One barrier over all slots: all load, all freeze, all carry, one decision; any slot that fails
 * returns all. Until the point of no return no socket has left the old generation: the steps that
 * were begun are undone, the last one first. After it the new generation gives back what it has
 * (handBack.ts); after the commit there is no way but on. The death of an old worker is no failure
 * while the new generation is active: there is less to go back to, and it goes on. That of one which
 * has crashed lately never is (unsteady.ts).
 */
import { errorToJson, TsugiError } from "../../contract/errors.ts";
import { PHASES, type Phase, STEPS } from "../../contract/steps.ts";
import { isoNow, stopwatch } from "../../platform/clock.ts";
import { fault, instant } from "../../platform/faults.ts";
import type { StepReport, UpgradeReport } from "../../protocol/report.ts";
import {
  type Operation,
  type RelupStep,
  relupSteps,
  replacesSupervisor,
} from "../../relup/instructions.ts";
import { type DeathWatch, watchDeaths } from "./deaths.ts";
import { hasState, type Slot } from "./generation.ts";
import { handBack, LOST_WITH_PROCESS } from "./handBack.ts";
import { Handoff } from "./handoff.ts";
import type { UpgradeJob, UpgradeState } from "./job.ts";
import {
  emptyTally,
  keptBy,
  lostWith,
  quietSummary,
  refusedBy,
  relayConnections,
} from "./moveConnections.ts";
import { Replace } from "./replace.ts";
import { emptyReport } from "./report.ts";
import { whoWasSilent } from "./silence.ts";
import { STEP_RUNS } from "./steps.ts";
import type { Supervisor } from "./supervisor.ts";
import { Swap } from "./swap.ts";
import type { Takeover } from "./takeover.ts";
import { Unsteady } from "./unsteady.ts";

/** Runs it to its end and reports; never throws for a failed upgrade. */
export function runUpgrade(job: UpgradeJob): Promise<UpgradeReport> {
  return new Upgrade(job).run();
}

class Upgrade {
  readonly #job: UpgradeJob;
  readonly #supervisor: Supervisor;
  readonly #state: UpgradeState;
  #phase: Phase = "before";
  #deaths: DeathWatch | undefined;
  /** What may have to be undone, the last one last. */
  readonly #begun: Operation[] = [];
  #stopRelay = () => {};
  #isClosed = false;

  constructor(job: UpgradeJob) {
    this.#job = job;
    this.#supervisor = job.supervisor;
    this.#state = {
      job,
      old: job.supervisor.current,
      next: job.next,
      unsteady: new Unsteady(),
      report: emptyReport(job.plan),
      tally: emptyTally(),
      takeover: takeoverFor(job),
      leftovers: [],
      pausedMs: () => 0,
      frozenAt: undefined,
      stoppedMs: undefined,
      overlapMs: undefined,
    };
  }

  async run(): Promise<UpgradeReport> {
    const { report } = this.#state;
    try {
      for (const step of relupSteps(this.#job.plan.instructions)) {
        if (step.op === "pointOfNoReturn") {
          if (this.#job.checkOnly) break;
          this.#enter("active");
        } else if (!this.#job.checkOnly || STEP_RUNS[step.op].isTrial) {
          await this.#step(step.op, step);
        }
      }
      if (this.#job.checkOnly) await this.#undo();
      report.result = this.#job.checkOnly ? "checked" : "committed";
    } catch (thrown) {
      this.#deaths?.stop();
      const error = this.#phase === "active" ? thrown : await whoWasSilent(this.#state, thrown);
      this.#supervisor.noteError(error);
      report.error ??= errorToJson(error);
      await this.#goBack();
    } finally {
      this.#close();
    }
    return report;
  }

  /** Each step is timed, shown, and has a label at which a test can make it fail. */
  async #step(op: Operation, { instructions }: RelupStep): Promise<void> {
    this.#enter(STEPS[op].phase);
    if (op === "commit") await this.#watch(() => confirmed(this.#state));
    const { onStep } = this.#job;
    const { run, isWrite } = STEP_RUNS[op];
    const [first] = instructions;
    const text = first && "run" in first ? first.run : undefined;
    const entry: StepReport = { name: op, ms: 0 };
    this.#begun.push(op);
    onStep(op, "begin", undefined, text);
    const ms = stopwatch();
    if (op === "retire") this.#onlyRetires();
    try {
      await (isOver(this.#phase) ? instant : fault)(`upgrade:${op}`);
      const perform = () => run(this.#state, instructions, entry);
      // Nothing is gone back to while something is written: it is waited for.
      const watched = isWrite ? this.#watch(async () => {}).then(perform) : this.#watch(perform);
      const said = await watched;
      entry.ms = ms();
      this.#state.report.steps.push(entry);
      onStep(op, "end", entry.ms, typeof said === "string" ? said : text);
    } catch (error) {
      this.#state.report.steps.push({ ...entry, ms: ms(), failed: true });
      if (this.#phase !== "committed") throw error;
      this.#noteLeft(`${op} failed`, error);
    }
  }

  /** Phases follow each other; a step that may come later as well belongs to the later one then. */
  #enter(phase: Phase): void {
    if (PHASES.indexOf(phase) <= PHASES.indexOf(this.#phase)) return;
    const { old, next, tally, unsteady } = this.#state;
    if (this.#phase === "before") {
      for (const slot of old.slots) this.#noteDeath(slot);
      // A swap goes on in the process that would be gone.
      const isSwap = this.#job.plan.strategy === "swap";
      for (const one of isSwap ? [] : this.#supervisor.slots.unsteady) unsteady.add(one);
      this.#supervisor.enter("upgrading");
      this.#deaths = watchDeaths(old, next, unsteady);
    }
    this.#phase = phase;
    if (phase === "frozen") this.#state.pausedMs = stopwatch();
    if (phase === "active") {
      if (this.#state.frozenAt === undefined) this.#state.pausedMs = stopwatch();
      this.#stopRelay = relayConnections(old, next, tally);
    }
    if (phase === "after") this.#close();
  }

  /** Whatever comes of it: with an old worker that dies before the commit goes what it alone had. */
  #noteDeath(slot: Slot): void {
    const { tally, report } = this.#state;
    const { worker } = slot;
    void worker.exited.then(() => {
      if (isOver(this.#phase) || this.#isClosed) return;
      tally.lost += keptBy(worker, tally);
      if (this.#phase !== "active" && hasState(slot)) report.stateAsOf = LOST_WITH_PROCESS;
    });
  }

  /** The new version is permanent and proven: it is on its own, whatever the old one still answers. */
  #onlyRetires(): void {
    const { version, settings } = this.#state.old;
    const { drainMs } = settings.timeouts;
    this.#supervisor.retiring = { version, since: isoNow() };
    this.#serveAlone();
    const { instructions } = this.#job.plan;
    // What comes after the old one is part of what was asked for.
    if (instructions.some(({ op }) => op === "after")) return;
    this.#job.onRetiring(() => ({
      ...withCounts(this.#state),
      overlapMs: this.#state.overlapMs?.() ?? 0,
      result: "committed",
      retiring: { drainMs },
    }));
  }

  /** Workers that die are started again. One that was replaced restarts nothing any more. */
  #serveAlone(): void {
    if (this.#supervisor.state !== "upgrading") return;
    this.#supervisor.enter("serving");
    this.#supervisor.slots.ensure();
  }

  /** Ends also with the death of a worker that the step needs. */
  #watch<T>(run: () => Promise<T>): Promise<T> {
    const deaths = this.#deaths;
    if (deaths === undefined || isOver(this.#phase)) return run();
    return this.#phase === "active" ? deaths.raceNext(run) : deaths.race(run);
  }

  /** After the commit: what fails is reported, and keeps nothing else from being done. */
  #noteLeft(what: string, error: unknown): void {
    const { report } = this.#state;
    this.#supervisor.noteError(error);
    report.error = errorToJson(error);
    this.#state.leftovers.push({ what: `${what}: ${report.error.message}` });
  }

  /** From wherever it failed to one version that serves. */
  async #goBack(): Promise<void> {
    const { report } = this.#state;
    report.result = RESULTS[this.#phase];
    if (this.#phase === "active") {
      await handBack(this.#state);
      await this.#undo(["install"]);
    } else if (!isOver(this.#phase)) await this.#undo();
  }

  /** The last one first. */
  async #undo(only?: readonly Operation[]): Promise<void> {
    for (const op of [...new Set(this.#begun)].reverse()) {
      const { undo } = STEP_RUNS[op];
      if (undo === undefined || (only && !only.includes(op))) continue;
      await instant(`undo:${op}`);
      await undo(this.#state);
    }
    // What only the new one asked for is closed again.
    this.#supervisor.parts.listeners.retain(this.#state.old.number);
  }

  /** The measured numbers, and the supervisor as it was before. */
  #close(): void {
    if (this.#isClosed || this.#phase === "before") return;
    this.#isClosed = true;
    const [supervisor, { report, tally, leftovers }] = [this.#supervisor, this.#state];
    this.#stopRelay();
    if (isOver(this.#phase)) {
      // Also those that were started again meanwhile.
      for (const worker of tally.carriedTo.keys()) tally.lost += lostWith(worker, tally);
      // A successor has its own table: closing here would unlink the Unix sockets that it serves.
      if (supervisor.state !== "replaced") this.#closeListeners();
    }
    Object.assign(report, withCounts(this.#state));
    supervisor.leftovers = leftovers;
    supervisor.retiring = undefined;
    this.#serveAlone();
  }

  #closeListeners(): void {
    const { report, next } = this.#state;
    const { listeners } = this.#supervisor.parts;
    const closed = listeners.namesOf(listeners.retain(next.number));
    if (closed.length > 0) report.closedListeners = closed;
  }
}

function takeoverFor({ plan, supervisor, next }: UpgradeJob): Takeover {
  if (replacesSupervisor(plan)) return new Replace(supervisor, next);
  return new (plan.strategy === "swap" ? Swap : Handoff)(supervisor, next);
}

function withCounts({ next, report, tally, leftovers }: UpgradeState): UpgradeReport {
  const { connections, requests } = report;
  const { lost, waited } = tally;
  const refused = [...refusedBy(next)].map(([why, count]) => ({ count, why }));
  const comeBack = Math.min(
    refused.reduce((sum, { count }) => sum + count, 0),
    tally.carried,
  );
  const carried = tally.carried - comeBack;
  const drained = connections.drained + comeBack;
  const counts = { carried, drained, lost: connections.lost + lost };
  return {
    ...report,
    connections: { ...connections, ...counts, ...(refused.length > 0 ? { refused } : {}) },
    requests: { ...requests, waited },
    quietMs: quietSummary(tally.quietMs),
    leftovers: leftovers.map(({ what }) => what),
  };
}

const RESULTS: Record<Phase, UpgradeReport["result"]> = {
  before: "refused",
  loading: "refused",
  frozen: "thawed",
  active: "handed-back",
  committed: "committed",
  after: "committed",
};

/** It is permanent: there is no way but on. */
const isOver = (phase: Phase): boolean => phase === "committed" || phase === "after";

/** `install` waits here until somebody decides. @throws TSUGI_NOT_COMMITTED */
async function confirmed({ job, old, next }: UpgradeState): Promise<void> {
  if ((await job.confirm()) === "commit") return;
  const details = { version: next.version, previous: old.version };
  throw new TsugiError("TSUGI_NOT_COMMITTED", details);
}
