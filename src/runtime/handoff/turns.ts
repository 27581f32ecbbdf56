/** Long work in short turns: between them the event loop does what else there is to do. */
const TURN_MS = 4;

export class Turns {
  #endsMs = performance.now() + TURN_MS;

  /** After each piece of work; undefined: go on. */
  end(): Promise<void> | undefined {
    if (performance.now() < this.#endsMs) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#endsMs = performance.now() + TURN_MS;
        resolve();
      }),
    );
  }
}
