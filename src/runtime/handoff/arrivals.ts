/**
 * Carried connections come one in a turn of the event loop: Node sends no handle before the one before
 * it was acknowledged. Under load those that are here already would fill every turn with their
 * requests, and the last one would wait for all of that. So they rest until all have come.
 */

import { freezeSocket, thawSocket } from "../node/frozenSockets.ts";
import type { SocketInternals } from "../node/internals.ts";

/** From the first one on: they are not to wait for thousands. */
const AT_MOST_MS = 50;

interface Arrival {
  socket: SocketInternals;
  onRead: () => void;
}

export class Arrivals {
  #resting: Arrival[] = [];
  readonly #atMostMs: number;
  #isOver = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(atMostMs = AT_MOST_MS) {
    this.#atMostMs = atMostMs;
  }

  /** `onRead`: it is read from now on. */
  add(socket: SocketInternals, onRead: () => void): void {
    if (this.#isOver) {
      onRead();
      return;
    }
    this.#timer ??= setTimeout(() => this.end(), this.#atMostMs);
    freezeSocket(socket);
    this.#resting.push({ socket, onRead });
  }

  /** All have come, or are no longer waited for: those that come later do not rest. */
  end(): void {
    clearTimeout(this.#timer);
    this.#isOver = true;
    for (const { socket, onRead } of this.#resting.splice(0)) {
      thawSocket(socket);
      onRead();
    }
  }
}
