/**
 * A socket whose handle has gone on to another process, while the application here still has the
 * object: a request that was under way may write to it yet. What it writes follows the handle.
 */

import { enterServer, leaveServer } from "../node/fields.ts";
import { detachHandle } from "../node/frozenSockets.ts";
import type { RawHandle, ServerInternals, SocketInternals } from "../node/internals.ts";
import { override } from "./override.ts";

/** The way to where the connection is now. */
export interface Follow {
  /** A request that began here is at work: what is said now is heard there. */
  counts(): boolean;
  send(bytes: Buffer): void;
}

type Callback = (error?: Error | null) => void;

export function leaveBehind(socket: SocketInternals, follow: Follow): RawHandle {
  const handle = detachHandle(socket);
  leaveServer(socket);
  followWrites(socket, follow);
  return handle;
}

export function followWrites(socket: SocketInternals, follow: Follow): void {
  const write = (chunk: unknown, ...rest: unknown[]): boolean => {
    const encoding = typeof rest[0] === "string" ? (rest[0] as BufferEncoding) : "utf8";
    if (follow.counts()) {
      const isText = typeof chunk === "string";
      follow.send(isText ? Buffer.from(chunk, encoding) : Buffer.from(chunk as Uint8Array));
    }
    const callback = rest.findLast((part): part is Callback => typeof part === "function");
    if (callback) process.nextTick(callback);
    return true;
  };
  override(socket, "write", write as typeof socket.write);
  override(socket, "end", ((chunk: unknown, ...rest: unknown[]) => {
    if (chunk != null && typeof chunk !== "function") write(chunk, ...rest);
    return socket;
  }) as typeof socket.end);
}

/** It is to have a handle again, here: what was watched for its sake is over. */
export function comeBack(socket: SocketInternals, server: ServerInternals): void {
  delete (socket as Partial<SocketInternals>).write;
  delete (socket as Partial<SocketInternals>).end;
  enterServer(socket, server);
}
