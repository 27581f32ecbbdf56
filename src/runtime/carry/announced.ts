/**
 * A connection that was announced: this generation has it, its application too, and its handle is
 * still on its way from the old one.
 */
import type { RawHandle, SocketInternals } from "../node/internals.ts";
import { attachHandle, endPending, isPending } from "../node/pending.ts";

export class AnnouncedConnection {
  readonly socket: SocketInternals;
  /** The 'connection' listeners have had their time: they are async, or none of them is. */
  readonly attended: Promise<void>;
  readonly #onAttached: () => void;
  #isAttended = false;
  #attend: () => void = () => {};
  /** It has ended before anybody attended to it: with what it had still said. */
  #ended: Buffer | undefined;

  constructor(socket: SocketInternals, onAttached: () => void) {
    this.socket = socket;
    this.#onAttached = onAttached;
    this.attended = new Promise((resolve) => {
      this.#attend = resolve;
    });
  }

  /** One whose handle had never gone: it has been here all the time. */
  static stayed(socket: SocketInternals): AnnouncedConnection {
    const stayed = new AnnouncedConnection(socket, () => {});
    stayed.onAttended();
    return stayed;
  }

  /** The application listens, or never will. */
  onAttended(): void {
    this.#isAttended = true;
    this.#attend();
    if (this.#ended) endPending(this.socket, this.#ended);
  }

  /** A WebSocket: the old generation has begun to close it since. */
  onCloseSent: () => void = () => {};

  /** Without a handle: the connection has ended meanwhile. `head`: read there, and not heard. */
  arrive(handle: RawHandle | undefined, head: Buffer): void {
    if (handle !== undefined) {
      attachHandle(this.socket, handle, head);
      this.#onAttached();
    } else if (this.#isAttended) endPending(this.socket, head);
    else this.#ended = head;
  }

  /** What the old generation has still sent: a request that it had under way. */
  write(bytes: Uint8Array): void {
    if (this.socket.writable) this.socket.write(bytes);
  }

  /** Whoever had it is gone, and its handle with them. */
  lose(): void {
    if (isPending(this.socket)) this.socket.destroy();
  }
}
