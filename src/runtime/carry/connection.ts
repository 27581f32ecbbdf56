/**
 * One open connection of a registered server, as its carrier handles it.
 *
 *   serving ──still()──► still ──take()──► gone       (its handle is on its way to another process)
 *      ▲                   │
 *      └─────resume()──────┘
 *
 * Still: nothing is read; what was read before is processed to its end. It is *busy* while the
 * application has a message under way, and *free* when, besides, all that was sent has left.
 *
 *   serving ──hold()──► held ──give()──► another's    (in place: the object itself has changed hands)
 *      ▲                  │
 *      └────resume()──────┘
 *
 * Held: what comes is kept from the application. Costs nothing until something does come.
 */
import type { Holder } from "../../protocol/worker.ts";
import type { RawHandle, SocketInternals } from "../node/internals.ts";

/** The part of ConnectionMeta that the connection itself knows. */
export interface Parcel {
  /** Undefined: the connection has ended, and the next generation has to hear of it. */
  handle: RawHandle | undefined;
  head: Buffer;
  data: unknown;
  quietSinceMs: number;
}

export interface Connection {
  readonly socket: SocketInternals;
  /** False: it has to end where it is (TLS, a protocol error …). */
  readonly isMovable: boolean;
  /** Ended while it was still: the application has not been told. */
  readonly hasEnded: boolean;
  still(): void;
  hold(): void;
  /** Something has come while it was held. */
  readonly isWaitedFor: boolean;
  resume(): void;
  /** What of it holds a freeze. */
  holder(): Holder | undefined;
  /** Nothing under way in the application. */
  readonly isIdle: boolean;
  /** Nothing under way, nothing unsent: may be taken. */
  isFree(): boolean;
  /** Takes it out of this process. Throws, with nothing changed, when `save` does. */
  take(): Parcel;
}
