/**
 * What generations that are gone have left in the process: what can still run (it is said until it
 * cannot), and their memory, which counts as pending until a collection that comes by itself.
 */
import type { WorkerReplies } from "../../protocol/worker.ts";
import type { TimerWatch } from "./timers.ts";

interface Gone {
  name: string;
  timers: TimerWatch;
}

export class Leftovers {
  #gone: Gone[] = [];
  /** How many of the objects that stand for it are still there. */
  readonly #pending = new Map<string, number>();
  readonly #collected = new FinalizationRegistry<string>((name) => {
    const left = (this.#pending.get(name) ?? 0) - 1;
    if (left > 0) this.#pending.set(name, left);
    else this.#pending.delete(name);
  });

  /** Returns what of it can still run. */
  add(name: string, generation: { timers: TimerWatch; hot: object; hooks: object[] }): string[] {
    const { timers, hot, hooks } = generation;
    const marks = [generation, hot, ...hooks];
    this.#pending.set(name, marks.length);
    for (const mark of marks) this.#collected.register(mark, name);
    const running = timers.running();
    if (running.length > 0) this.#gone.push({ name, timers });
    return running.map((what) => `${what} of ${name}`);
  }

  find(): Pick<WorkerReplies["health"], "running" | "pending"> {
    this.#gone = this.#gone.filter(({ timers }) => timers.running().length > 0);
    const running = this.#gone.flatMap(({ name, timers }) =>
      timers.running().map((what) => `${what} of ${name}`),
    );
    return {
      ...(running.length > 0 ? { running } : {}),
      ...(this.#pending.size > 0 ? { pending: [...this.#pending.keys()] } : {}),
    };
  }
}
