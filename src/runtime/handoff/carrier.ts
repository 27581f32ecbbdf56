/** A kind of registered connection, as the handoff sees it. */
import type { ConnectionMeta, Holder } from "../../protocol/worker.ts";
import type { SocketInternals } from "../worker/node-internals.ts";

export type Send = (
  meta: Pick<ConnectionMeta, "kind" | "server" | "head" | "data">,
  socket: SocketInternals,
) => void;

export interface Carrier {
  /** Connections that this carrier answers for. */
  sockets(): SocketInternals[];
  /** Nothing more is read; what was read is brought to its end. */
  close(): void;
  /** Goes on as before. */
  open(): void;
  /** Messages that a freeze waits for. */
  holders(): Holder[];
  /** Sends what has nothing under way; called again and again until nothing is left. */
  sendMovable(canMove: (socket: SocketInternals) => boolean, send: Send): void;
}
