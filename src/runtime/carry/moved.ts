/**
 * A socket whose handle has gone on to another process, while the application here still has the
 * object: a request that was under way may write to it yet. What it writes follows the handle.
 */

import { enterServer, leaveServer } from "../node/fields.ts";
import type { RawHandle, ServerInternals, SocketInternals } from "../node/internals.ts";
import { detachHandle } from "../node/quiet.ts";
import { override } from "./override.ts";

/** Takes what is to be written where the connection is now. */
export type Follow = (bytes: Buffer) => void;

type Callback = (error?: Error | null) => void;

export function leaveBehind(socket: SocketInternals, follow: Follow): RawHandle {
  const handle = detachHandle(socket);
  leaveServer(socket);
  const write = (chunk: unknown, ...rest: unknown[]): boolean => {
    const encoding = typeof rest[0] === "string" ? (rest[0] as BufferEncoding) : "utf8";
    if (typeof chunk === "string") follow(Buffer.from(chunk, encoding));
    else follow(Buffer.from(chunk as Uint8Array));
    const callback = rest.findLast((part): part is Callback => typeof part === "function");
    if (callback) process.nextTick(callback);
    return true;
  };
  override(socket, "write", write as typeof socket.write);
  override(socket, "end", ((chunk: unknown, ...rest: unknown[]) => {
    if (chunk != null && typeof chunk !== "function") write(chunk, ...rest);
    return socket;
  }) as typeof socket.end);
  return handle;
}

/** It is to have a handle again, here: what was watched for its sake is over. */
export function comeBack(socket: SocketInternals, server: ServerInternals): void {
  delete (socket as Partial<SocketInternals>).write;
  delete (socket as Partial<SocketInternals>).end;
  enterServer(socket, server);
}
