/**
 * Connections on their way through a Node IPC channel. Node sends one handle at a time, and at each
 * acknowledgement goes through all that wait in its own queue: with thousands there, that is most
 * of the work. So they wait here, and Node's queue stays short.
 *
 * When the process at the other end dies, Node drops that queue without calling anybody back. Each
 * handle in it would stay open in this process: a client that waits for ever. `end` lets them go.
 */
const IN_FLIGHT = 2;

/** Sends one; calls back once it has left this process, or could not. */
type Send = (sent: () => void) => void;

interface Parcel {
  send: Send;
  /** Called once, whatever becomes of it. */
  onGone: () => void;
}

export class HandleQueue {
  readonly #waiting: Parcel[] = [];
  readonly #inFlight = new Set<Parcel>();
  #isEnded = false;

  add(send: Send, onGone: () => void = () => {}): void {
    if (this.#isEnded) {
      onGone();
      return;
    }
    this.#waiting.push({ send, onGone });
    this.#pump();
  }

  /** The receiver is gone: nothing is sent any more, and whoever waits for it is told. */
  end(): void {
    this.#isEnded = true;
    const left = [...this.#inFlight, ...this.#waiting.splice(0)];
    this.#inFlight.clear();
    for (const { onGone } of left) onGone();
  }

  #pump(): void {
    while (this.#inFlight.size < IN_FLIGHT) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#inFlight.add(next);
      next.send(() => {
        if (!this.#inFlight.delete(next)) return;
        next.onGone();
        this.#pump();
      });
    }
  }
}
