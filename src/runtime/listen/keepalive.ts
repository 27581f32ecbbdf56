/**
 * Keeps the process alive for reasons that Node's event loop does not see: a socket that is bound
 * but accepts nothing yet, a generation that waits to be activated.
 */
const LONG_MS = 2 ** 30;

export class KeepAlive {
  readonly #reasons = new Set<unknown>();
  #timer: NodeJS.Timeout | undefined;

  add(reason: unknown): void {
    this.#reasons.add(reason);
    this.#timer ??= setInterval(() => {}, LONG_MS);
  }

  delete(reason: unknown): void {
    this.#reasons.delete(reason);
    if (this.#reasons.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}
