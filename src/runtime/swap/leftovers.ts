/**
 * What generations that are gone have left in the process: what can still run (it is said until it
 * cannot), and their memory, which counts as pending until a collection that comes by itself.
 */
import { until } from "../../platform/waiting.ts";
import type { WorkerReplies } from "../../protocol/worker.ts";
import { Collections } from "./collections.ts";
import type { Look } from "./handles.ts";
import type { TimerWatch } from "./timers.ts";

/** How long what was ended by `hot.dispose` may take to end. */
const SETTLE_MS = 500;
const LOOK_MS = 10;
/**
 * The first may have begun while it was in use, and V8 keeps the shapes of objects, and with them
 * their constructors and modules, through some more (--retain-maps-for-n-gc).
 */
const COLLECTIONS_TO_GO = 6;

export interface Leaving {
  timers: TimerWatch;
  hot: object;
  hooks: object[];
}

class Gone {
  readonly name: string;
  readonly #timers: TimerWatch;
  #looks: Look[];

  constructor(name: string, timers: TimerWatch, looks: Look[]) {
    this.name = name;
    this.#timers = timers;
    this.#looks = looks;
  }

  /** What of it can still run. */
  running(): string[] {
    this.#looks = this.#looks.filter((look) => look() !== undefined);
    const all = [...this.#timers.running(), ...this.#looks.map((look) => look())];
    return all.map((what) => `${what} of ${this.name}`);
  }
}

export class Leftovers {
  #gone: Gone[] = [];
  /** `marks`: how many of the objects that stand for it are still there. */
  readonly #pending = new Map<string, { marks: number; since: number }>();
  readonly #collections = new Collections();
  readonly #collected = new FinalizationRegistry<string>((name) => {
    const pending = this.#pending.get(name);
    if (!pending) return;
    pending.marks -= 1;
    if (pending.marks === 0) this.#pending.delete(name);
  });

  /** Resolves with what of it still runs when all that it has ended had time to end. */
  add(name: string, generation: Leaving, looks: Look[]): Promise<string[]> {
    const { timers, hot, hooks } = generation;
    const marks = [generation, hot, ...hooks];
    this.#collections.begin();
    this.#pending.set(name, { marks: marks.length, since: this.#collections.full });
    for (const mark of marks) this.#collected.register(mark, name);
    return this.#settle(new Gone(name, timers, looks));
  }

  async #settle(gone: Gone): Promise<string[]> {
    this.#gone.push(gone);
    await until(() => gone.running().length === 0, SETTLE_MS, LOOK_MS);
    const running = gone.running();
    if (running.length === 0) this.#gone = this.#gone.filter((it) => it !== gone);
    return running;
  }

  find(): Pick<WorkerReplies["health"], "running" | "leaking" | "pending" | "retained"> {
    this.#gone = this.#gone.filter((gone) => gone.running().length > 0);
    const leaking = this.#gone.length;
    const running = this.#gone.flatMap((gone) => gone.running());
    const { full } = this.#collections;
    const outlived = ({ since }: { since: number }) => full - since >= COLLECTIONS_TO_GO;
    const retained = [...this.#pending.values()].filter(outlived).length;
    return {
      ...(leaking > 0 ? { running, leaking } : {}),
      ...(this.#pending.size > 0 ? { pending: [...this.#pending.keys()] } : {}),
      ...(retained > 0 ? { retained } : {}),
    };
  }
}
