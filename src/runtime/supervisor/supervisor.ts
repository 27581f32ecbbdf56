/**
 * The parent of all workers: starts them, restarts what crashes, holds the listening sockets, and
 * runs upgrades (upgrade.ts). It never runs application code and is never on a request's path.
 */

import { errorToJson, messageOf, TsugiError } from "../../contract/errors.ts";
import type { ReleaseHandler } from "../../handler/index.ts";
import { readHostSettings } from "../../handler/settings.ts";
import { isoNow } from "../../platform/clock.ts";
import { identityOf, isAlive, type ProcessIdentity } from "../../platform/processes.ts";
import type { WorkerBoot } from "../../protocol/worker.ts";
import type { Layout } from "../../release/layout.ts";
import type { Manifest, ManifestProcess } from "../../release/manifest.ts";
import { Generation, type GenerationPlan, type Slot } from "./generation.ts";
import type { ListenerTable } from "./listeners.ts";
import type { Log } from "./log/log.ts";
import { RestartPolicy } from "./restartPolicy.ts";
import { recordedWorkers, recordWorkers, workersRecorded } from "./runFiles.ts";
import { wireListeners, wireLog } from "./wiring.ts";
import { describeExit, type WorkerHandle } from "./workerHandle.ts";

const RECORD_AGAIN_MS = 1_000;

export interface SupervisorParts {
  layout: Layout;
  log: Log;
  listeners: ListenerTable;
  /** The host's environment without tsugi's own variables. */
  baseEnv: Record<string, string>;
  tsugiVersion: string;
  loadHandler: () => Promise<ReleaseHandler>;
  foreground: boolean;
  /** A successor has taken over and the report is out: this process ends, its files stay. */
  onReplaced: () => void;
  /** Called when the supervisor gives up: the process exits non-zero. */
  onGiveUp: (error: TsugiError) => void;
}

export class Supervisor {
  readonly parts: SupervisorParts;
  /** The generation that serves. */
  current!: Generation;
  since = isoNow();
  /** Of the last upgrade: what of an old generation still runs. */
  leftovers: string[] = [];
  /** While an upgrade runs, it decides what a worker's death means. */
  upgrading = false;
  stopping = false;
  #policy!: RestartPolicy;
  #lastNumber = 0;
  readonly #live = new Set<WorkerHandle>();
  #recordsWorkers = true;
  #inherited: ProcessIdentity[] = [];

  constructor(parts: SupervisorParts) {
    this.parts = parts;
  }

  /** Boots the generation that a start asks for; resolves when every slot is ready. */
  async boot(manifest: Manifest, releaseId: string): Promise<void> {
    const generation = await this.makeGeneration({ manifest, releaseId, strategy: "start" });
    this.#policy = new RestartPolicy(generation.settings.restarts);
    this.current = generation;
    this.spawnSlots(generation, "active");
    try {
      await this.waitAllReady(generation);
    } catch (error) {
      // Nothing serves: "the old version serves as before" would be no comfort, and untrue.
      const { bin, name } = this.parts.layout;
      const details = { name, version: generation.version, problem: problemOf(error), bin };
      throw new TsugiError("TSUGI_START_FAILED", details, { cause: error });
    }
  }

  async makeGeneration(what: {
    manifest: Manifest;
    releaseId: string;
    strategy: WorkerBoot["strategy"];
    /** As the predecessor counts and knows. */
    succession?: { generation: number; previous: string };
  }): Promise<Generation> {
    const { layout, baseEnv } = this.parts;
    const host = await readHostSettings(layout, what.manifest.version);
    const plan: GenerationPlan = {
      manifest: what.manifest,
      releaseId: what.releaseId,
      strategy: what.strategy,
      number: what.succession?.generation ?? this.#lastNumber + 1,
      host,
      previous: what.succession?.previous ?? this.current?.version ?? null,
    };
    this.#lastNumber = plan.number;
    return new Generation(plan, layout, baseEnv);
  }

  /** Standby: nothing is accepted, the old generation serves. */
  spawnSlots(
    generation: Generation,
    mode: "standby" | "active",
    wanted: (process: string) => boolean = () => true,
  ): void {
    for (const { process, index } of generation.wantedSlots()) {
      if (wanted(process.name)) this.#addSlot(generation, process, index, mode);
    }
  }

  async waitAllReady(generation: Generation): Promise<void> {
    await Promise.all(generation.slots.map((slot) => this.waitReady(generation, slot.worker)));
  }

  #addSlot(
    generation: Generation,
    process: ManifestProcess,
    index: number,
    mode: WorkerBoot["mode"],
  ): void {
    const slot: Slot = { process, index, worker: undefined as never, restarts: 0 };
    slot.worker = this.spawnWorker(generation, process, index, mode);
    this.#watch(generation, slot);
    generation.slots.push(slot);
  }

  /** A swap: the same slots, in the same processes, beside the generation that serves. */
  loadBeside(generation: Generation): void {
    for (const { process, index } of generation.wantedSlots()) {
      const { boot } = generation.specOf(process, index, "standby");
      const before = this.current.slots.find(
        (slot) => slot.process.name === process.name && slot.index === index,
      );
      const worker = before!.worker.beside(boot);
      const slot: Slot = { process, index, worker, restarts: before!.restarts };
      this.#wire(generation, worker);
      this.#watch(generation, slot);
      generation.slots.push(slot);
      worker.send({ type: "swapLoad", boot });
    }
  }

  #wire(generation: Generation, worker: WorkerHandle): void {
    wireLog(worker, this.parts.log, (text) => this.note(text));
    wireListeners(worker, this.parts.listeners, () => {
      const { process } = worker.boot;
      const others = generation.slots.filter((slot) => slot.process.name === process);
      return generation === this.current && !this.upgrading && others.length === 1;
    });
  }

  /** Spawns and wires one worker; it belongs to no slot yet (a rehearsal's never does). */
  spawnWorker(
    generation: Generation,
    process: ManifestProcess,
    index: number,
    mode: WorkerBoot["mode"],
  ): WorkerHandle {
    const worker = generation.spawn(process, index, mode);
    this.#live.add(worker);
    this.#wire(generation, worker);
    worker.once("exit", () => {
      this.#live.delete(worker);
      void this.#recordWorkers();
    });
    void this.#recordWorkers();
    return worker;
  }

  /** @throws TSUGI_LOAD_FAILED with the reason; the worker is ended then. */
  async waitReady(generation: Generation, worker: WorkerHandle): Promise<void> {
    const { readyMs } = generation.settings.timeouts;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const why = "it neither listens, nor said that it is ready, nor has its entry settled";
      const details = {
        what: `${worker.boot.process}.${worker.boot.slot}`,
        timeoutMs: readyMs,
        why,
      };
      timer = setTimeout(() => reject(new TsugiError("TSUGI_NOT_READY", details)), readyMs);
    });
    try {
      await Promise.race([worker.ready, late]);
    } catch (error) {
      await worker.abandon();
      const { name, version } = worker.boot;
      const { bin } = this.parts.layout;
      const details = { name, version, problem: problemOf(error), bin };
      throw new TsugiError("TSUGI_LOAD_FAILED", details, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  #watch(generation: Generation, slot: Slot): void {
    const { worker } = slot;
    worker.once("exit", (exit) => {
      if (this.stopping || this.upgrading || generation !== this.current) return;
      if (slot.worker !== worker) return;
      this.note(`${slot.process.name}.${slot.index} pid ${worker.pid}: ${describeExit(exit)}`);
      this.#restartLater(generation, slot, describeExit(exit));
    });
  }

  #restartLater(generation: Generation, slot: Slot, why: string): void {
    if (slot.worker.declared === undefined && slot.restarts === 0 && !this.booted) return;
    const pauseMs = this.#policy.crashed(performance.now());
    if (pauseMs === "giveUp") {
      const { max, withinMs } = this.#policy;
      const details = { process: slot.process.name, count: max + 1, withinMs, why };
      this.parts.onGiveUp(new TsugiError("TSUGI_GAVE_UP", details));
      return;
    }
    setTimeout(() => this.#restart(generation, slot), pauseMs);
  }

  booted = false;

  /** From here on a crash leads to a restart. */
  markBooted(): void {
    this.booted = true;
  }

  #restart(generation: Generation, slot: Slot): void {
    if (this.stopping || this.upgrading || generation !== this.current) return;
    if (slot.worker.exit === null) return;
    slot.restarts += 1;
    slot.worker = this.spawnWorker(generation, slot.process, slot.index, "active");
    this.#watch(generation, slot);
    this.note(`${slot.process.name}.${slot.index} restarted, pid ${slot.worker.pid}`);
    // One that hangs while it loads is ended, and so counted, as one that crashes.
    this.waitReady(generation, slot.worker).catch((error) => this.noteError(error));
  }

  /** After an upgrade that went back (or not): what died meanwhile is started again. */
  ensureSlots(): void {
    for (const slot of this.current.slots) {
      if (slot.worker.exit !== null)
        this.#restartLater(this.current, slot, "it died in an upgrade");
    }
  }

  /** The new generation serves from here on. */
  succeed(generation: Generation): void {
    this.current = generation;
    this.#policy = new RestartPolicy(generation.settings.restarts);
    this.since = isoNow();
    this.parts.log.use(generation.settings.logs);
  }

  note(text: string): void {
    this.parts.log.note(text);
  }

  noteError(error: unknown): void {
    const { code, message } = errorToJson(error);
    this.note(`${code}: ${message}`);
  }

  async #recordWorkers(): Promise<void> {
    if (!this.#recordsWorkers) return;
    const pids = [...this.#live].map((worker) => worker.pid).filter((pid) => pid > 0);
    this.#inherited = this.#inherited.filter(isAlive);
    const workers = [...pids.map(identityOf), ...this.#inherited];
    await recordWorkers(this.parts.layout, workers).catch((error) => {
      this.noteError(error);
      // A full disk: once it has room again, the record is to be right.
      setTimeout(() => void this.#recordWorkers(), RECORD_AGAIN_MS).unref();
    });
  }

  /** `run/` is this one's: not before a takeover, and not after one. */
  get ownsRun(): boolean {
    return this.#recordsWorkers;
  }

  /** `run/workers` is another supervisor's: of the predecessor, or of the successor from now on. */
  async leaveRecord(): Promise<void> {
    this.#recordsWorkers = false;
    await workersRecorded();
  }

  /** It is ours: with what the predecessor has written, for its workers end a little later. */
  async keepRecord(): Promise<void> {
    this.#inherited = await recordedWorkers(this.parts.layout);
    this.#recordsWorkers = true;
    await this.#recordWorkers();
  }

  get liveWorkers(): WorkerHandle[] {
    return [...this.#live];
  }
}

/** The worker says "did not load" itself: once is enough. */
function problemOf(error: unknown): string {
  const isLoadFailure = error instanceof TsugiError && error.code === "TSUGI_LOAD_FAILED";
  return isLoadFailure ? String(error.details.problem) : messageOf(error);
}
