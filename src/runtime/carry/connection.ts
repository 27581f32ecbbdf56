/**
 * One open connection of a registered server, as its carrier handles it.
 *
 *   serving ──freeze()──► frozen ──take()──► gone     (its handle is on its way to another process)
 *      ▲                    │
 *      └───────thaw()───────┘
 *
 * Frozen, nothing is read, and what was read before and comes out later (a message that is inflated)
 * is kept from the application. It is *busy* while that has a message under way, and *free* when,
 * besides, all that was sent has left.
 *
 * In a swap the object itself changes hands:
 *
 *   serving ──freezeForSwap()──► frozen ──give()──► another's
 *
 * Then what comes is kept from the application; it costs nothing until something does come.
 */
import type { Holder } from "../../protocol/worker.ts";
import type { RawHandle, SocketInternals } from "../node/internals.ts";
import type { Follow } from "./moved.ts";

/** The part of ConnectionMeta that the connection itself knows. */
export interface Parcel {
  /** Undefined: the connection has ended, and the next generation has to hear of it. */
  handle: RawHandle | undefined;
  head: Buffer;
  quietSinceMs: number;
  /** A WebSocket that this side has begun to close since its record was made. */
  closeSent?: true;
}

export interface Connection {
  readonly socket: SocketInternals;
  /** False: it has to end where it is (TLS, a protocol error …). */
  readonly isMovable: boolean;
  /** Ended while it was frozen: the application has not been told. */
  readonly hasEnded: boolean;
  freeze(): void;
  freezeForSwap(): void;
  /** Something has come while it was frozen. */
  readonly isWaitedFor: boolean;
  thaw(): void;
  /** What of it holds a freeze. */
  holder(): Holder | undefined;
  /** Nothing under way in the application. */
  readonly isIdle: boolean;
  /** All that the next generation needs to know of it can be said, before its handle goes. */
  readonly isTellable: boolean;
  /** All that the application has sent is with the socket. */
  readonly hasSaid: boolean;
  /** Nothing under way, nothing unsent: may be taken. */
  isFree(): boolean;
  /** What the next generation has to know of it: what never changes, and the rest. */
  fixed(): object;
  /** Changes nothing; throws what `save` throws. */
  changes(): object;
  /** It has a handle, and what is fixed may go ahead while it is served here. */
  readonly isIntroducible: boolean;
  /** Takes it out of this process. `follow`: for what this process still writes to it. */
  take(follow?: Follow): Parcel;
  /** It has no handle here, and was told of as it is: what this process still writes to it follows. */
  goesOnThere?(follow: Follow): void;
  /** It was taken, and another one comes in its place: the application's object has ended. */
  forget(): void;
}
