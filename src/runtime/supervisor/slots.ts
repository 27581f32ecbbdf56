/**
 * The workers of a generation, by their slots. Who dies is started again while its generation serves;
 * in an upgrade, the upgrade decides what that means.
 */

import type { TsugiError } from "../../contract/errors.ts";
import { until } from "../../platform/waiting.ts";
import type { SlotCrash } from "../../protocol/report.ts";
import { type Generation, type Slot, slotName } from "./generation.ts";
import type { Notifier } from "./notify/notifier.ts";
import type { Restarts } from "./restarts.ts";
import { describeExit, type WorkerHandle } from "./workerHandle.ts";
import type { Workers } from "./workers.ts";

/** The generation that serves, what of it has crashed, and when it served first. */
export interface Serving {
  generation: Generation;
  restarts: Restarts;
  since: string;
}

/** The supervisor, as it is seen from here. */
interface Owner {
  readonly state: string;
  readonly isAlone: boolean;
  readonly serving: Serving | undefined;
  readonly current: Generation;
  readonly workers: Workers;
  readonly parts: {
    notifier: Pick<Notifier, "tell">;
    onGiveUp: (error: TsugiError, lastWords: string[]) => void;
  };
  note(text: string): void;
  noteError(error: unknown): void;
}

export class Slots {
  readonly #owner: Owner;

  constructor(owner: Owner) {
    this.#owner = owner;
  }

  /** Standby: nothing is accepted, the old generation serves. */
  spawn(
    generation: Generation,
    mode: "standby" | "active",
    wanted: (process: string) => boolean = () => true,
  ): void {
    for (const { process, index } of generation.wantedSlots()) {
      if (!wanted(process.name)) continue;
      const worker = this.#owner.workers.spawn(generation, process, index, mode);
      this.add(generation, { process, index, worker, restarts: 0 });
    }
  }

  async waitReady(generation: Generation): Promise<void> {
    const { workers } = this.#owner;
    await Promise.all(generation.slots.map((slot) => workers.waitReady(generation, slot.worker)));
  }

  /**
   * Whoever is being started again after a crash will serve in a moment, and have state and
   * connections: a plan made before that would forget them, and a pipe laid before it would not be
   * theirs. One that keeps crashing is not waited for, nor one that hangs.
   */
  async allStarted(): Promise<void> {
    const owner = this.#owner;
    const { current } = owner;
    const { restarts } = owner.serving!;
    const isComing = (slot: Slot) => {
      const { declared, exit } = slot.worker;
      const comes = exit === null || owner.isAlone;
      return declared === undefined && comes && !restarts.keepsCrashing(slot);
    };
    const isOver = () => owner.state === "stopping" || !current.slots.some(isComing);
    await until(isOver, current.settings.timeouts.readyMs);
  }

  /** From here on it is started again where it dies while its generation serves. */
  add(generation: Generation, slot: Slot): void {
    this.#watch(generation, slot);
    generation.slots.push(slot);
  }

  #watch(generation: Generation, slot: Slot): void {
    const { worker } = slot;
    const owner = this.#owner;
    worker.once("exit", (exit) => {
      if (!owner.isAlone || generation !== owner.current || slot.worker !== worker) return;
      owner.note(`${slotName(slot)} pid ${worker.pid}: ${describeExit(exit)}`);
      this.#restartLater(generation, slot, worker.failure ?? describeExit(exit));
    });
  }

  #restartLater(generation: Generation, slot: Slot, why: string): void {
    const owner = this.#owner;
    // Before the first one is ready, a crash is what the start ends with.
    if (owner.state === "booting" && slot.worker.declared === undefined && slot.restarts === 0)
      return;
    // What it held is gone: an upgrade has nothing to ask it for.
    slot.worker.declared = undefined;
    const { restarts } = owner.serving!;
    const pauseMs = restarts.crashed(slot, why, () => this.#restart(generation, slot));
    if (pauseMs === "giveUp") {
      void restarts.gaveUp(slot).then((end) => owner.parts.onGiveUp(...end));
    } else if (pauseMs !== undefined && restarts.keepsCrashing(slot)) {
      const next = `it is started again in ${pauseMs / 1000} s`;
      owner.note(`${slotName(slot)} keeps crashing: ${next}; the others serve`);
      if (restarts.hasBegunToLoop(slot)) void this.#tellOfLoop(slot, slot.worker);
    }
  }

  async #tellOfLoop(slot: Slot, { outputEnded }: WorkerHandle): Promise<void> {
    // What it said last may come after its end.
    await outputEnded;
    const { why, lastWords } = this.crashOf(slot)!;
    const worker = slotName(slot);
    const text = `${worker} keeps crashing: ${why}; the others serve`;
    this.#owner.parts.notifier.tell("crash-loop", { text, worker, lastWords }, worker);
  }

  #restart(generation: Generation, slot: Slot): void {
    const owner = this.#owner;
    if (!owner.isAlone || generation !== owner.current || slot.worker.exit === null) return;
    owner.serving?.restarts.started(slot);
    slot.restarts += 1;
    slot.worker = owner.workers.spawn(generation, slot.process, slot.index, "active");
    this.#watch(generation, slot);
    owner.note(`${slotName(slot)} restarted, pid ${slot.worker.pid}`);
    // One that hangs while it loads is ended, and so counted, as one that crashes.
    owner.workers.waitReady(generation, slot.worker).catch((error) => owner.noteError(error));
  }

  /** Of the generation that serves; undefined where it has not. */
  crashOf(slot: Slot): SlotCrash | undefined {
    return this.#owner.serving?.restarts.crashOf(slot);
  }

  /** Those that have crashed lately, in the generation that serves. */
  get unsteady(): WorkerHandle[] {
    const { restarts } = this.#owner.serving!;
    const unsteady = this.#owner.current.slots.filter((slot) => restarts.hasCrashedLately(slot));
    return unsteady.map(({ worker }) => worker);
  }

  /** After an upgrade that went back (or not): what died meanwhile is started again, at once. */
  ensure(): void {
    for (const slot of this.#owner.current.slots) this.#restart(this.#owner.current, slot);
  }
}
