/**
 * Messages whose listener returned a promise: under way until it settles. A listener that returns
 * nothing costs one comparison.
 */
import type { EventEmitter } from "node:events";

type Listener = (...parts: unknown[]) => unknown;

export class UnderWay {
  #count = 0;
  #sinceMs = 0;

  get count(): number {
    return this.#count;
  }

  get ageMs(): number {
    return this.#count === 0 ? 0 : Math.round(performance.now() - this.#sinceMs);
  }

  /** Watches the listeners of `event` that are added to `emitter` from now on. */
  watch(emitter: EventEmitter, event: string): void {
    for (const method of ["on", "addListener", "once", "prependListener"] as const) {
      const original = emitter[method];
      emitter[method] = ((name: string, listener: Listener) => {
        const used = name === event ? this.#wrap(listener) : listener;
        return original.call(emitter, name, used);
      }) as never;
    }
  }

  #wrap(listener: Listener): Listener {
    const track = (result: unknown) => this.#track(result);
    const wrapped: Listener = function (this: unknown, ...parts) {
      return track(listener.apply(this, parts));
    };
    // How `removeListener` finds the original.
    return Object.assign(wrapped, { listener });
  }

  #track(result: unknown): unknown {
    if (typeof (result as PromiseLike<unknown> | undefined)?.then !== "function") return result;
    if (this.#count++ === 0) this.#sinceMs = performance.now();
    const end = () => {
      this.#count -= 1;
    };
    // A rejection stays unhandled, as it is without us.
    (result as PromiseLike<unknown>).then(end, (reason) => {
      end();
      throw reason;
    });
    return result;
  }
}
