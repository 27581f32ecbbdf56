/**
 * `restarts.silentMs`: a worker whose event loop has stood still for so long is killed, and is from then
 * on one that has crashed. It is asked three times within it: of a supervisor that was stopped itself,
 * one question at most runs out for no reason. While an upgrade is under way, that watches the workers.
 */
import type { RuntimeSettings } from "../../protocol/settings.ts";
import { type Slot, slotName } from "./generation.ts";
import type { Supervisor } from "./supervisor.ts";
import type { WorkerHandle } from "./workerHandle.ts";

const QUESTIONS = 3;

export class SilentWorkers {
  readonly #supervisor: Supervisor;
  /** Questions in a row that it has not answered. */
  readonly #unanswered = new WeakMap<WorkerHandle, number>();
  #timer: NodeJS.Timeout | undefined;

  constructor(supervisor: Supervisor) {
    this.#supervisor = supervisor;
  }

  /** From now on. */
  use({ restarts: { silentMs } }: RuntimeSettings): void {
    clearInterval(this.#timer);
    if (silentMs === undefined) return;
    const everyMs = silentMs / QUESTIONS;
    const askAll = () => {
      for (const slot of this.#supervisor.current.slots) void this.#ask(slot, everyMs, silentMs);
    };
    this.#timer = setInterval(askAll, everyMs).unref();
  }

  async #ask(slot: Slot, timeoutMs: number, silentMs: number): Promise<void> {
    const { worker } = slot;
    if (!this.#isWatched(worker)) return;
    const question = { type: "health", turns: true } as const;
    const hasAnswered = await worker.request(question, { timeoutMs }).then(
      () => true,
      () => false,
    );
    const unanswered = hasAnswered ? 0 : (this.#unanswered.get(worker) ?? 0) + 1;
    this.#unanswered.set(worker, unanswered);
    if (unanswered < QUESTIONS || !this.#isWatched(worker)) return;
    worker.failure = `its event loop stood still for ${silentMs / 1000} s (restarts.silentMs)`;
    const who = `${slotName(slot)} pid ${worker.pid}`;
    this.#supervisor.note(`${who}: ${worker.failure}, so it is killed`);
    worker.kill("SIGKILL");
  }

  #isWatched({ exit, declared }: WorkerHandle): boolean {
    return this.#supervisor.state === "serving" && exit === null && declared !== undefined;
  }
}
