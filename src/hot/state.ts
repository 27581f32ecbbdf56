/**
 * One `hot.state`. The ref's `value` is a plain property while the application runs: reading state
 * costs nothing. It is an accessor only before the first read (`initial` runs late, so that a
 * generation that receives its state never runs it for nothing) and after a freeze (a late access
 * is reported, never silent).
 */
import type { StateOptions, StateRef } from "./types.ts";

export class StateCell<T> {
  readonly name: string;
  readonly version: number;
  readonly options: StateOptions<T>;
  readonly ref: StateRef<T>;
  /** True once the application has a value: its `initial()`, its own, or a carried one. */
  #settled = false;

  constructor(name: string, options: StateOptions<T>) {
    const version = options.version ?? 1;
    if (typeof name !== "string" || name === "") throw new TypeError("hot.state takes a name");
    if (!Number.isInteger(version) || version < 1) {
      throw new TypeError(`hot.state("${name}"): version must be a whole number from 1`);
    }
    if (typeof options.initial !== "function") {
      throw new TypeError(`hot.state("${name}"): initial must be a function`);
    }
    this.name = name;
    this.version = version;
    this.options = options;
    this.ref = Object.defineProperty({}, "value", {
      configurable: true,
      enumerable: true,
      get: () => this.settle(),
      set: (value: T) => this.set(value),
    }) as StateRef<T>;
  }

  get settled(): boolean {
    return this.#settled;
  }

  /** The value, made by `initial()` if there is none yet. */
  settle(): T {
    if (!this.#settled) this.set(this.options.initial());
    return this.ref.value;
  }

  set(value: T): void {
    this.#settled = true;
    Object.defineProperty(this.ref, "value", {
      configurable: true,
      enumerable: true,
      writable: true,
      value,
    });
  }

  /** From now on each first access in a turn of the event loop is told to `onAccess`. */
  watch(onAccess: () => void): void {
    let value = this.settle();
    Object.defineProperty(this.ref, "value", {
      configurable: true,
      enumerable: true,
      get: () => {
        onAccess();
        return value;
      },
      set: (next: T) => {
        onAccess();
        value = next;
      },
    });
    this.#unwatch = () => this.set(value);
  }

  unwatch(): void {
    this.#unwatch?.();
    this.#unwatch = undefined;
  }

  #unwatch: (() => void) | undefined;
}
