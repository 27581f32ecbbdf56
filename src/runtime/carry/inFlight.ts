/**
 * What an application has under way on one connection: the promises that its listeners returned
 * and that have not settled yet. Listeners are called exactly as `EventEmitter` calls them; one
 * that returns nothing costs nothing.
 */
import { nowMs } from "../../platform/clock.ts";
import { capturesRejections, type EmitterInternals, listenersOf } from "../node/events.ts";

export class InFlight {
  /** Called whenever the last promise has settled. */
  onIdle: () => void = () => {};
  #count = 0;
  #sinceMs = 0;

  get isIdle(): boolean {
    return this.#count === 0;
  }

  /** Age of the oldest, to the last time that nothing was under way. */
  get ageMs(): number {
    return this.#count === 0 ? 0 : Math.round(nowMs() - this.#sinceMs);
  }

  /** `emitter.emit(event, ...parts)`, with an eye on what the listeners return. */
  emit(emitter: EmitterInternals, event: string, parts: unknown[]): boolean {
    const listeners = listenersOf(emitter, event);
    if (listeners === undefined) return false;
    if (typeof listeners === "function") {
      this.note(Reflect.apply(listeners, emitter, parts), emitter);
    } else {
      for (const listener of [...listeners]) {
        this.note(Reflect.apply(listener, emitter, parts), emitter);
      }
    }
    return true;
  }

  /** A listener's return value: only a promise is under way. */
  note(returned: unknown, emitter?: EmitterInternals): void {
    if (!isThenable(returned)) return;
    if (this.#count === 0) this.#sinceMs = nowMs();
    this.#count += 1;
    returned.then(this.#settle, (error) => {
      this.#settle();
      if (capturesRejections(emitter)) emitter!.emit("error", error);
      else throw error; // as unhandled as it would be without us
    });
  }

  readonly #settle = (): void => {
    this.#count -= 1;
    if (this.#count === 0) this.onIdle();
  };
}

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === "object" &&
  value !== null &&
  typeof (value as { then?: unknown }).then === "function";

/** The promises that listeners returned, or undefined if there was none. */
export function emitAndCollect(
  emitter: EmitterInternals,
  event: string,
  parts: unknown[],
): Promise<unknown> | undefined {
  const promises: PromiseLike<unknown>[] = [];
  for (const listener of emitter.rawListeners(event)) {
    const returned = Reflect.apply(listener, emitter, parts);
    if (isThenable(returned)) promises.push(returned);
  }
  return promises.length === 0 ? undefined : Promise.all(promises);
}
