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
import { errorToJson, TsugiError } from "../../contract/errors.ts";
import { isoNow, stopwatch } from "../../platform/clock.ts";
import { fault, instant } from "../../platform/faults.ts";
import type { UpgradeReport } from "../../protocol/report.ts";
import { replacesSupervisor } from "../../relup/instructions.ts";
import { watchDeaths } from "./deaths.ts";
import type { Generation } from "./generation.ts";
import { handBack } from "./handBack.ts";
import type { UpgradeJob } from "./job.ts";
import { lateProcesses, loadBeside, loadHere, loadInSuccessor } from "./loading.ts";
import {
  allPassedOn,
  emptyTally,
  lostWith,
  quietSummary,
  relayConnections,
  releaseConnections,
} from "./moveConnections.ts";
import { probation } from "./probation.ts";
import { emptyReport } from "./report.ts";
import type { Supervisor } from "./supervisor.ts";
import * as steps from "./upgradeSteps.ts";

const FALL_BACK_AGAIN_MS = 1_000;

type Phase = "loading" | "frozen" | "active" | "committed";

/** Runs it to its end and reports; never throws for a failed upgrade. */
export function runUpgrade(job: UpgradeJob): Promise<UpgradeReport> {
  return new Upgrade(job).run();
}

class Upgrade {
  readonly #job: UpgradeJob;
  readonly #supervisor: Supervisor;
  readonly #old: Generation;
  readonly #next: Generation;
  readonly #report: UpgradeReport;
  readonly #tally = emptyTally();
  readonly #deaths;
  readonly #loading;
  /** The same release again, with `etc/` read anew: nothing in `releases/` changes. */
  readonly #reload: boolean;
  /** The appup asks for it: the old one ends before the new one is loaded, with its state. */
  readonly #isRestart: boolean;
  #phase: Phase = "loading";
  #frozenAt: string | undefined;
  #paused = () => 0;
  #stopRelay = () => {};

  constructor(job: UpgradeJob) {
    this.#job = job;
    this.#supervisor = job.supervisor;
    this.#old = job.supervisor.current;
    this.#next = job.next;
    this.#report = emptyReport(job.plan);
    this.#reload = this.#old.version === this.#next.version;
    this.#deaths = watchDeaths(this.#old, this.#next);
    const { plan } = job;
    const inPlace = plan.strategy === "swap" ? loadBeside : loadHere;
    const load = replacesSupervisor(plan) ? loadInSuccessor : inPlace;
    this.#isRestart = plan.strategy === "restart";
    const late = lateProcesses(this.#old, this.#next, this.#isRestart);
    this.#loading = load(this.#supervisor, this.#next, late);
  }

  async run(): Promise<UpgradeReport> {
    this.#supervisor.upgrading = true;
    try {
      await this.#load();
      if (this.#job.checkOnly) {
        await steps.abandon(this.#next, this.#loading, this.#report);
        this.#report.result = "checked";
      } else {
        await this.#freezeAndCarry();
        // ── point of no return ──────────────────────────────────────────────────────────────────
        await this.#activate();
        await this.#prove();
        await this.#commit();
        this.#report.result = "committed";
      }
    } catch (error) {
      this.#deaths.stop();
      this.#supervisor.noteError(error);
      this.#report.error = errorToJson(error);
      await this.#goBack();
    } finally {
      this.#close();
    }
    return this.#report;
  }

  async #load(): Promise<void> {
    const [old, next, report] = [this.#old, this.#next, this.#report];
    await this.#step("load", () => this.#deaths.raceOld(this.#loading.standby()));
    if (old.hasState && !this.#isRestart) {
      await this.#step("rehearse", () =>
        this.#deaths.race(steps.rehearseInto(this.#job, old, report)),
      );
    }
    // A swap copies nothing.
    if (!this.#loading.inPlace) steps.checkMemory(report);
    if (this.#job.checkOnly || this.#reload) return;
    await this.#step("install", () => this.#job.handler.install(next.version));
  }

  async #freezeAndCarry(): Promise<void> {
    const [old, next, report] = [this.#old, this.#next, this.#report];
    await fault("upgrade:pipes");
    const pipes = await steps.layPipes(old, next);
    try {
      this.#paused = stopwatch();
      if (!old.needsFreeze || this.#isRestart) return;
      this.#phase = "frozen";
      await this.#step("freeze", () => this.#deaths.race(steps.freeze(old, report, this.#tally)));
      this.#frozenAt = isoNow();
      if (!old.hasState) return;
      await this.#step("carry", () => this.#deaths.race(steps.carryAll(old, next, report, pipes)));
    } finally {
      for (const pipe of pipes.values()) pipe.close();
    }
  }

  async #activate(): Promise<void> {
    const [old, next] = [this.#old, this.#next];
    this.#phase = "active";
    this.#stopRelay = relayConnections(old, next, this.#tally);
    await this.#step("activate", () => this.#deaths.raceNext(this.#begin()));
    if (old.hasState || this.#isRestart) this.#report.pauseMs = this.#paused();
    this.#supervisor.succeed(next);
    await this.#step("connections", () =>
      this.#deaths.raceNext(releaseConnections(old, next, this.#tally)),
    );
  }

  /** What must never run twice ends before its successor begins; everything else begins at once. */
  async #begin(): Promise<void> {
    const single = [this.#old, this.#next].flatMap(({ plan }) =>
      plan.manifest.processes.filter(({ overlap }) => !overlap).map(({ name }) => name),
    );
    const alone = this.#old.slots.filter(
      ({ process }) => this.#isRestart || single.includes(process.name),
    );
    for (const { worker } of alone) this.#deaths.expect(worker);
    const retired = await steps.activate(this.#old, this.#next, alone, this.#loading);
    this.#report.connections.drained += retired.drained;
    this.#report.connections.lost += retired.lost;
  }

  async #prove(): Promise<void> {
    const { version } = this.#next;
    const previous = this.#old.version;
    const addressOf = () => this.#supervisor.parts.listeners.firstAddress();
    await this.#step("probation", () =>
      this.#deaths.raceNext(probation(this.#next, previous, addressOf)),
    );
    const decision = await this.#deaths.raceNext(this.#job.confirm());
    if (decision === "commit") return;
    throw new TsugiError("TSUGI_NOT_COMMITTED", { version, previous });
  }

  async #commit(): Promise<void> {
    const { handler } = this.#job;
    const [old, next] = [this.#old, this.#next];
    if (!this.#reload) {
      const unwritten = await this.#step("commit", async () => {
        // The last moment to notice that there is nobody to go on with.
        await this.#deaths.raceNext(Promise.resolve());
        return handler.commit(next.version);
      });
      if (unwritten !== undefined) this.#supervisor.noteError(unwritten);
    }
    this.#phase = "committed";
    this.#deaths.stop();
    const { takeOver } = this.#loading;
    if (takeOver) await this.#step("takeOver", takeOver, instant);
    await this.#finish("prune", () => steps.prune(handler, old, next));
    await this.#finish("retire", async () => {
      await steps.retireOld(old, this.#report, this.#loading);
      await allPassedOn(this.#tally);
    });
    if (this.#loading.inPlace) this.#tellLeftovers();
    // A successor has its own table: closing here would unlink the Unix sockets that it serves.
    if (!takeOver) this.#supervisor.parts.listeners.retain(next.number);
  }

  /** After the commit: what fails is reported, and keeps nothing else from being done. */
  async #finish(name: string, run: () => Promise<void>): Promise<void> {
    try {
      await this.#step(name, run, instant);
    } catch (error) {
      this.#supervisor.noteError(error);
      this.#report.error = errorToJson(error);
      this.#report.leftovers.push(`${name} failed: ${this.#report.error.message}`);
    }
  }

  /** A new process is clean; one that goes on may not be. */
  #tellLeftovers(): void {
    const { leftovers } = this.#report;
    if (leftovers.length === 0) return;
    const { bin } = this.#supervisor.parts.layout;
    const [version, previous] = [this.#next.version, this.#old.version];
    const details = { version, previous, what: leftovers.join(", "), bin };
    this.#report.error = errorToJson(new TsugiError("TSUGI_OLD_CODE_LEFT", details));
  }

  /** From wherever it failed to one version that serves. */
  async #goBack(): Promise<void> {
    const [old, next, report] = [this.#old, this.#next, this.#report];
    switch (this.#phase) {
      case "loading":
        report.result = "refused";
        await instant("upgrade:abandon");
        await steps.abandon(next, this.#loading, report);
        break;
      case "frozen":
        report.result = "thawed";
        await instant("upgrade:thaw");
        await steps.thaw(old);
        if (old.hasState) report.pauseMs = this.#paused();
        await instant("upgrade:thawed");
        await steps.abandon(next, this.#loading, report);
        break;
      case "active": {
        report.result = "handed-back";
        const went = await handBack(this.#supervisor, old, next, this.#tally, this.#frozenAt);
        if (went.stateAsOf) report.stateAsOf = went.stateAsOf;
        if (old.hasState && this.#isRestart) report.stateAsOf = "the restart: it was not carried";
        report.leftovers.push(...went.running);
        this.#loading.abandon();
        break;
      }
      case "committed":
        report.result = "committed";
        report.leftovers.push(`failure after the commit: ${report.error?.message}`);
        return;
    }
    // What only the new one asked for is closed again.
    this.#supervisor.parts.listeners.retain(old.number);
    if (!this.#reload) await this.#fallBack();
  }

  /** Again and again where the disk is full: nobody else would know that it was given up. */
  async #fallBack(): Promise<void> {
    try {
      await this.#job.handler.fallBack(this.#next.version);
    } catch (error) {
      this.#supervisor.noteError(error);
      setTimeout(() => {
        if (!this.#supervisor.upgrading) void this.#fallBack();
      }, FALL_BACK_AGAIN_MS).unref();
    }
  }

  #close(): void {
    const [supervisor, report, tally] = [this.#supervisor, this.#report, this.#tally];
    this.#stopRelay();
    if (this.#phase === "committed") {
      for (const { worker } of this.#next.slots) tally.lost += lostWith(worker, tally);
    }
    report.connections.carried = tally.carried;
    report.connections.lost += tally.lost;
    report.requests.waited = tally.waited;
    report.quietMs = quietSummary(tally.quietMs);
    supervisor.leftovers = report.leftovers;
    // A supervisor that was replaced restarts nothing any more.
    supervisor.upgrading = this.#phase === "committed" && this.#loading.takeOver !== undefined;
    if (!supervisor.upgrading) supervisor.ensureSlots();
  }

  /** Each step is timed, shown, and has a label at which a test can make it fail. */
  async #step<T>(name: string, run: () => Promise<T>, mark = fault): Promise<T> {
    const { onStep } = this.#job;
    onStep(name, "begin");
    const ms = stopwatch();
    await mark(`upgrade:${name}`);
    try {
      const value = await run();
      this.#report.steps.push({ name, ms: ms() });
      onStep(name, "end", ms());
      return value;
    } catch (error) {
      this.#report.steps.push({ name, ms: ms(), failed: true });
      throw error;
    }
  }
}
