/**
 * Connections on their way through a Node IPC channel. Node sends one handle at a time, and at each
 * acknowledgement goes through all that wait in its own queue: with thousands there, that is most
 * of the work. So they wait here, and Node's queue stays short.
 */
const IN_FLIGHT = 2;

/** Sends one; calls back once it has left this process, or could not. */
type Send = (sent: () => void) => void;

export class HandleQueue {
  readonly #waiting: Send[] = [];
  #inFlight = 0;

  add(send: Send): void {
    this.#waiting.push(send);
    this.#pump();
  }

  #pump(): void {
    while (this.#inFlight < IN_FLIGHT) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#inFlight += 1;
      next(() => {
        this.#inFlight -= 1;
        this.#pump();
      });
    }
  }
}
