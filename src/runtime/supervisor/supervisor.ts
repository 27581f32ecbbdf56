/**
 * The parent of all workers: starts them, restarts what crashes, holds the listening sockets, and
 * runs upgrades (upgrade.ts). It never runs application code and is never on a request's path.
 *
 *                  all are ready            an upgrade loads          `run/` is handed over
 *     booting ───────────────────► serving ─────────────────► upgrading ──────────────────► replaced
 *        │                         ▲  ▲  ▲                      │                               │
 *        │ there is a predecessor  │  │  └──────────────────────┘                               │
 *        ▼                         │  │          it has ended                                   │
 *     succeeding ──────────────────┘  └─────────────────────────────────────────────────────────┘
 *                 it takes over                        the successor has failed
 *
 *     … and from each of them to stopping, from where there is no way on.
 *
 * Who dies is started again while it serves; in an upgrade, the upgrade decides what that means.
 */

import { errorToJson, messageOf, TsugiError } from "../../contract/errors.ts";
import type { ReleaseHandler } from "../../handler/index.ts";
import { readHostSettings } from "../../handler/settings.ts";
import { isoNow } from "../../platform/clock.ts";
import { isDiskFull } from "../../platform/files.ts";
import { until } from "../../platform/waiting.ts";
import type { Mask } from "../../protocol/mask.ts";
import type { Retiring, SlotCrash, Stopping } from "../../protocol/report.ts";
import type { Succession } from "../../protocol/succession.ts";
import type { WorkerBoot } from "../../protocol/worker.ts";
import type { Layout } from "../../release/layout.ts";
import type { Manifest } from "../../release/manifest.ts";
import { watchDeaths } from "./deaths.ts";
import { askFirst } from "./firstAnswer.ts";
import { Generation, type GenerationPlan, type Slot, slotName } from "./generation.ts";
import type { ListenerTable } from "./listeners.ts";
import type { Log } from "./log/log.ts";
import type { Notifier } from "./notify/notifier.ts";
import { Restarts } from "./restarts.ts";
import type { Leftover } from "./takeover.ts";
import { Unsteady } from "./unsteady.ts";
import { describeExit, type WorkerHandle } from "./workerHandle.ts";
import { problemOf, Workers } from "./workers.ts";

type State = "booting" | "succeeding" | "serving" | "upgrading" | "replaced" | "stopping";

const NEXT: Record<State, readonly State[]> = {
  booting: ["serving", "succeeding", "stopping"],
  succeeding: ["serving", "stopping"],
  serving: ["upgrading", "stopping"],
  upgrading: ["serving", "replaced", "stopping"],
  replaced: ["serving", "stopping"],
  stopping: [],
};

export interface SupervisorParts {
  layout: Layout;
  log: Log;
  listeners: ListenerTable;
  /** The host's environment without tsugi's own variables. */
  baseEnv: Record<string, string>;
  /** Over all that leaves this process in words. */
  mask: Mask;
  tsugiVersion: string;
  notifier: Pick<Notifier, "tell">;
  loadHandler: () => Promise<ReleaseHandler>;
  foreground: boolean;
  /** `run/` names this supervisor again, after a successor that has failed. */
  reclaimRun: () => Promise<void>;
  /** Each time that another generation serves. */
  onServe: (generation: Generation) => void;
  /** A successor has taken over; what is left of the old generation drains. */
  onHandedOver: () => void;
  /** A successor has taken over and the report is out: this process ends, its files stay. */
  onReplaced: () => void;
  /** Called when the supervisor gives up: the process exits non-zero. */
  onGiveUp: (error: TsugiError, lastWords: string[]) => void;
}

/** The generation that serves, what of it has crashed, and when it served first. */
interface Serving {
  generation: Generation;
  restarts: Restarts;
  since: string;
}

export class Supervisor {
  readonly parts: SupervisorParts;
  /** Of the last upgrade: what of an old generation still runs. */
  leftovers: Leftover[] = [];
  /** Of the last upgrade: what has served before, until it has ended. */
  retiring: Retiring | undefined;
  /** Set from the moment that it was told to. */
  stopping: Stopping | undefined;
  readonly workers: Workers;
  #state: State = "booting";
  #serving: Serving | undefined;
  /** Of every generation that has served: one that is gone back to has not become steady by it, and has served all along. */
  readonly #served = new WeakMap<Generation, Serving>();
  #lastNumber = 0;

  constructor(parts: SupervisorParts) {
    this.parts = parts;
    const { layout, log, listeners, mask } = parts;
    this.workers = new Workers({
      layout,
      mask,
      log,
      listeners,
      note: (text) => this.note(text),
      noteError: (error) => this.noteError(error),
      isSettled: (generation) => {
        const isSettled = this.#isAlone || this.#state === "stopping";
        return isSettled && generation === this.#serving?.generation;
      },
    });
  }

  get state(): State {
    return this.#state;
  }

  enter(state: State): void {
    if (this.#state === state) return;
    if (!NEXT[this.#state].includes(state)) throw new Error(`${this.#state} → ${state}`);
    this.#state = state;
  }

  /** Neither an upgrade nor another supervisor has a say in what becomes of the workers. */
  get #isAlone(): boolean {
    return this.#state === "booting" || this.#state === "serving";
  }

  /** The generation that serves. @throws TSUGI_STARTING, TSUGI_STOPPING */
  get current(): Generation {
    const { name, bin } = this.parts.layout;
    if (this.#serving !== undefined) return this.#serving.generation;
    throw new TsugiError(this.stopping ? "TSUGI_STOPPING" : "TSUGI_STARTING", { name, bin });
  }

  /** When that began to serve. */
  get since(): string {
    return this.#serving!.since;
  }

  get hasStarted(): boolean {
    return this.#serving !== undefined;
  }

  /** Boots the generation that a start asks for; resolves when every slot is ready. */
  async boot(manifest: Manifest, releaseId: string): Promise<void> {
    const generation = await this.makeGeneration({ manifest, releaseId, strategy: "start" });
    this.serve(generation);
    this.spawnSlots(generation, "active");
    try {
      await this.waitAllReady(generation);
      await this.#askFirst(generation);
    } catch (error) {
      // Nothing serves: "the old version serves as before" would be no comfort, and untrue.
      const { bin, name } = this.parts.layout;
      const details = { name, version: generation.version, problem: problemOf(error), bin };
      throw new TsugiError("TSUGI_START_FAILED", details, { cause: error });
    }
  }

  /** @throws TSUGI_LOAD_FAILED where a process dies of its first request */
  async #askFirst(generation: Generation): Promise<void> {
    const deaths = watchDeaths(generation, generation, new Unsteady());
    try {
      const silent = await deaths.race(() => askFirst(generation, this.parts.listeners));
      for (const text of silent) this.note(text);
    } catch (error) {
      throw await this.workers.diedOfRequest(generation, error);
    } finally {
      deaths.stop();
    }
  }

  async makeGeneration(what: {
    manifest: Manifest;
    releaseId: string;
    strategy: WorkerBoot["strategy"];
    /** As the predecessor counts and knows. */
    succession?: Succession;
  }): Promise<Generation> {
    const { layout, baseEnv, mask } = this.parts;
    const host = await readHostSettings(layout, what.manifest.version);
    mask.learn(host.env);
    for (const text of host.unknown) this.note(text);
    const plan: GenerationPlan = {
      manifest: what.manifest,
      releaseId: what.releaseId,
      strategy: what.strategy,
      number: what.succession?.generation ?? this.#lastNumber + 1,
      host,
      previous: what.succession?.previous ?? this.#serving?.generation.version ?? null,
      listening: what.succession?.listening ?? this.#serving?.generation.listening ?? [],
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
      if (!wanted(process.name)) continue;
      const worker = this.workers.spawn(generation, process, index, mode);
      this.addSlot(generation, { process, index, worker, restarts: 0 });
    }
  }

  async waitAllReady(generation: Generation): Promise<void> {
    const { workers } = this;
    await Promise.all(generation.slots.map((slot) => workers.waitReady(generation, slot.worker)));
  }

  /**
   * Whoever is being started again after a crash will serve in a moment, and have state and
   * connections: a plan made before that would forget them, and a pipe laid before it would not be
   * theirs. One that keeps crashing is not waited for, nor one that hangs.
   */
  async allStarted(): Promise<void> {
    const { current } = this;
    const { restarts } = this.#serving!;
    const isComing = (slot: Slot) => {
      const { declared, exit } = slot.worker;
      const comes = exit === null || this.#isAlone;
      return declared === undefined && comes && !restarts.keepsCrashing(slot);
    };
    const isOver = () => this.#state === "stopping" || !current.slots.some(isComing);
    await until(isOver, current.settings.timeouts.readyMs);
  }

  /** From here on it is started again where it dies while its generation serves. */
  addSlot(generation: Generation, slot: Slot): void {
    this.#watch(generation, slot);
    generation.slots.push(slot);
  }

  #watch(generation: Generation, slot: Slot): void {
    const { worker } = slot;
    worker.once("exit", (exit) => {
      if (!this.#isAlone || generation !== this.current || slot.worker !== worker) return;
      this.note(`${slotName(slot)} pid ${worker.pid}: ${describeExit(exit)}`);
      this.#restartLater(generation, slot, worker.failure ?? describeExit(exit));
    });
  }

  #restartLater(generation: Generation, slot: Slot, why: string): void {
    // Before the first one is ready, a crash is what the start ends with.
    if (this.#state === "booting" && slot.worker.declared === undefined && slot.restarts === 0)
      return;
    // What it held is gone: an upgrade has nothing to ask it for.
    slot.worker.declared = undefined;
    const { restarts } = this.#serving!;
    const pauseMs = restarts.crashed(slot, why, () => this.#restart(generation, slot));
    if (pauseMs === "giveUp") {
      void restarts.gaveUp(slot).then((end) => this.parts.onGiveUp(...end));
    } else if (pauseMs !== undefined && restarts.keepsCrashing(slot)) {
      const next = `it is started again in ${pauseMs / 1000} s`;
      this.note(`${slotName(slot)} keeps crashing: ${next}; the others serve`);
      if (restarts.hasBegunToLoop(slot)) void this.#tellOfLoop(slot, slot.worker);
    }
  }

  async #tellOfLoop(slot: Slot, { outputEnded }: WorkerHandle): Promise<void> {
    // What it said last may come after its end.
    await outputEnded;
    const { why, lastWords } = this.crashOf(slot)!;
    const worker = slotName(slot);
    const text = `${worker} keeps crashing: ${why}; the others serve`;
    this.parts.notifier.tell("crash-loop", { text, worker, lastWords }, worker);
  }

  #restart(generation: Generation, slot: Slot): void {
    if (!this.#isAlone || generation !== this.current || slot.worker.exit === null) return;
    this.#serving?.restarts.started(slot);
    slot.restarts += 1;
    slot.worker = this.workers.spawn(generation, slot.process, slot.index, "active");
    this.#watch(generation, slot);
    this.note(`${slotName(slot)} restarted, pid ${slot.worker.pid}`);
    // One that hangs while it loads is ended, and so counted, as one that crashes.
    this.workers.waitReady(generation, slot.worker).catch((error) => this.noteError(error));
  }

  /** Of a start that has failed. */
  get wordsOfTheDead(): string[] {
    const { mask } = this.parts;
    const slots = this.#serving?.generation.slots ?? [];
    return slots.find(({ worker }) => worker.exit !== null)?.worker.lastWords.told(mask) ?? [];
  }

  /** Of the generation that serves; undefined where it has not. */
  crashOf(slot: Slot): SlotCrash | undefined {
    return this.#serving?.restarts.crashOf(slot);
  }

  /** Those that have crashed lately, in the generation that serves. */
  get unsteadyWorkers(): WorkerHandle[] {
    const { restarts } = this.#serving!;
    const unsteady = this.current.slots.filter((slot) => restarts.hasCrashedLately(slot));
    return unsteady.map(({ worker }) => worker);
  }

  /** After an upgrade that went back (or not): what died meanwhile is started again, at once. */
  ensureSlots(): void {
    for (const slot of this.current.slots) this.#restart(this.current, slot);
  }

  /** This generation serves from here on. */
  serve(generation: Generation): void {
    this.#serving?.restarts.end();
    this.#serving = this.#served.get(generation) ?? {
      generation,
      restarts: new Restarts(generation, this.parts.mask),
      since: isoNow(),
    };
    this.#served.set(generation, this.#serving);
    this.parts.log.use(generation.settings.logs);
    this.parts.onServe(generation);
  }

  note(text: string): void {
    this.parts.log.note(this.parts.mask.text(text));
  }

  noteError(error: unknown): void {
    const { code, message } = errorToJson(error);
    this.note(`${code}: ${message}`);
    this.tellIfFull(error);
  }

  tellIfFull(error: unknown): void {
    if (!isDiskFull(error)) return;
    const { notifier } = this.parts;
    notifier.tell("disk-full", { text: `The disk is full: ${messageOf(error)}` }, "");
  }

  /**
   * `run/` becomes a successor's, and this process ends soon. Where that fails, it is ours again, and
   * so are the workers of the release that is permanent now: they are started anew.
   */
  async handOver(takeOver: () => Promise<void>): Promise<void> {
    this.enter("replaced");
    await this.workers.record.leave();
    try {
      await takeOver();
    } catch (error) {
      await this.workers.record.keep();
      await this.parts.reclaimRun();
      this.enter("serving");
      this.ensureSlots();
      throw error;
    }
    this.parts.onHandedOver();
  }
}
