/**
 * A connection that was announced: this generation has it, its application too, and its handle is
 * still on its way from the old one.
 */
import { type Resolvers, withResolvers } from "../../platform/waiting.ts";
import type { RawHandle, SocketInternals } from "../node/internals.ts";
import { attachHandle, endPending, isPending } from "../node/pending.ts";

export class AnnouncedConnection {
  readonly socket: SocketInternals;
  #attending: Resolvers<void> | undefined;
  readonly #onAttached: () => void;
  #isAttended = false;
  /** Nothing is read before its listeners have had their time. */
  isOpening = false;
  /** What has come before somebody attends to it. */
  #arrived: (() => void) | undefined;

  /** Of one that has been here all the time: what was said to it before, here and there, is written. */
  readonly said: Promise<void> | undefined;

  constructor(socket: SocketInternals, onAttached: () => void, said?: Promise<void>) {
    this.socket = socket;
    this.said = said;
    this.#onAttached = onAttached;
  }

  /** One whose handle had never gone: it has been here all the time. */
  static stayed(socket: SocketInternals, said: Promise<void>): AnnouncedConnection {
    const stayed = new AnnouncedConnection(socket, () => {}, said);
    stayed.onAttended();
    return stayed;
  }

  /** The 'connection' listeners have had their time. Undefined: they have had it, none of them is async. */
  get attended(): Promise<void> | undefined {
    if (this.#isAttended) return undefined;
    this.#attending ??= withResolvers();
    return this.#attending.promise;
  }

  /** The application listens, or never will. */
  onAttended(): void {
    this.#isAttended = true;
    this.#attending?.resolve();
    this.#arrived?.();
    this.#arrived = undefined;
  }

  /** A WebSocket: the old generation has begun to close it since. */
  onCloseSent: () => void = () => {};

  /** Without a handle: the connection has ended meanwhile. `head`: read there, and not heard. */
  arrive(handle: RawHandle | undefined, head: Buffer): void {
    const arrive = () => {
      if (handle === undefined) endPending(this.socket, head);
      else {
        attachHandle(this.socket, handle, head);
        this.#onAttached();
      }
    };
    const isAwaited = handle === undefined || this.isOpening;
    if (isAwaited && !this.#isAttended) this.#arrived = arrive;
    else arrive();
  }

  /** What the old generation has still sent: a request that it had under way. */
  write(bytes: Uint8Array): void {
    const { socket, said } = this;
    const write = () => {
      // What is kept back here is what this generation says.
      if (socket.writable) Object.getPrototypeOf(socket).write.call(socket, bytes);
    };
    if (said === undefined) write();
    else void said.then(write);
  }

  /** Whoever had it is gone, and its handle with them. */
  lose(): void {
    if (isPending(this.socket) && !this.#arrived) this.socket.destroy();
  }
}
