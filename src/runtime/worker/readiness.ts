/**
 * When a generation is ready (docs/internals/design.md): its entry has settled, `hot.prepare` has resolved,
 * and then whichever comes first: it listens, it says `process.send("ready")`, or, without a
 * listener, it has been alive for readyAfterMs.
 */
import type { Registrations } from "../../hot/registrations.ts";
import type { Listeners } from "../listen/listeners.ts";
import { withResolvers } from "./promises.ts";

export interface ReadinessParts {
  listeners: Listeners;
  registrations: Registrations;
  readyAfterMs: number;
}

export class Readiness {
  readonly #parts: ReadinessParts;
  readonly #entry = withResolvers<void>();
  #signalled = false;
  #recheck: () => void = () => {};

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
    parts.listeners.onChange = () => this.#recheck();
  }

  /**
   * Node is about to load the entry. Importing it once more, after Node has begun, joins the
   * evaluation under way and settles with it, top-level await included; it never runs it twice.
   */
  entryFound(url: string): void {
    setImmediate(() => import(url).then(() => this.#entry.resolve(), this.#entry.reject));
  }

  /** The application said `process.send("ready")`. */
  signal(): void {
    this.#signalled = true;
    this.#recheck();
  }

  /** Beside another generation: the entry is not Node's to load. */
  entryIs(loading: Promise<void>): void {
    loading.then(() => this.#entry.resolve(), this.#entry.reject);
  }

  async wait(): Promise<void> {
    await this.#entry.promise;
    await this.#parts.registrations.run("prepare");
    await this.#present();
  }

  #present(): Promise<void> {
    const { promise, resolve } = withResolvers<void>();
    const { listeners, readyAfterMs } = this.#parts;
    // Not holding the process: one that ends before this ends was never ready.
    const timer = setTimeout(() => {
      if (listeners.all.length === 0) resolve();
    }, readyAfterMs).unref();
    this.#recheck = () => {
      if (this.#signalled || listeners.settled) resolve();
    };
    this.#recheck();
    return promise.finally(() => clearTimeout(timer));
  }
}
