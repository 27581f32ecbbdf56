/** Long work in short slices of time: between them the event loop does what else there is to do. */
const SLICE_MS = 4;

export class TimeSlices {
  #endsMs = performance.now() + SLICE_MS;

  /** After each piece of work; undefined: go on. */
  end(): Promise<void> | undefined {
    if (performance.now() < this.#endsMs) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        this.#endsMs = performance.now() + SLICE_MS;
        resolve();
      }),
    );
  }
}
