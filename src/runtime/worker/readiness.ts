/**
 * When a generation is ready (docs/internals/design.md): its entry has settled, `hot.prepare` has resolved,
 * and then whichever comes first: it listens, it says `process.send("ready")`, or, without a
 * listener, it has been alive for readyAfterMs (for listensWithinMs where its code calls `listen`).
 * What begins its work only in `hot.activate` has to outlive the beginning of that as well, at a start.
 */
import type { Registrations } from "../../hot/registrations.ts";
import { withResolvers } from "../../platform/waiting.ts";
import type { Listeners } from "../listen/listeners.ts";

/** Beside readyAfterMs, which has gone by once: a start must not run out of readyMs by it. */
const OUTLIVE_MS = 1_000;

export interface ReadinessParts {
  listeners: Listeners;
  registrations: Registrations;
  readyAfterMs: number;
  listensWithinMs: number | undefined;
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

  /** It listens, or says that it is ready. */
  get isPresent(): boolean {
    return this.#signalled || this.#parts.listeners.settled;
  }

  /** So long its listening is waited for. It may come in `hot.activate`, and then not before that. */
  get listensWithinMs(): number | undefined {
    const { registrations, listensWithinMs } = this.#parts;
    return registrations.hooks.activate.length > 0 ? undefined : listensWithinMs;
  }

  async wait(): Promise<void> {
    await this.#entry.promise;
    const { registrations, readyAfterMs } = this.#parts;
    await registrations.run("prepare");
    await this.#present(this.listensWithinMs ?? readyAfterMs);
  }

  /** One that listens nowhere: a variable that is missing shows when its consumers have begun. */
  async outliveActivate(): Promise<void> {
    const { registrations, readyAfterMs } = this.#parts;
    if (registrations.hooks.activate.length === 0) return;
    await this.#present(Math.min(readyAfterMs, OUTLIVE_MS));
  }

  #present(aliveMs: number): Promise<void> {
    const { promise, resolve } = withResolvers<void>();
    const { listeners } = this.#parts;
    // Not holding the process: one that ends before this ends was never ready.
    const timer = setTimeout(() => {
      if (listeners.all.length === 0) resolve();
    }, aliveMs).unref();
    this.#recheck = () => {
      if (this.isPresent) resolve();
    };
    this.#recheck();
    return promise.finally(() => clearTimeout(timer));
  }
}
