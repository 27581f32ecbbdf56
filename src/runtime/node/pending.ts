/**
 * A socket whose handle is still with another process: the application has it already, and what it
 * writes is kept until the handle comes, in its order. To Node it is a socket that connects.
 */
import net from "node:net";
import { acceptedSocket } from "./accepted.ts";
import type { RawHandle, ServerInternals, SocketInternals } from "./internals.ts";
import { symbolOf } from "./symbols.ts";

/** What `remoteAddress`, `localPort` and the like are answered from. */
export interface SocketNames {
  peer: Record<string, unknown>;
  own: Record<string, unknown>;
}

export function namesOf(handle: RawHandle | null | undefined): SocketNames {
  const names: SocketNames = { peer: {}, own: {} };
  handle?.getpeername?.(names.peer);
  handle?.getsockname?.(names.own);
  return names;
}

/** Everything about it but its reading and writing is as if it had been accepted here. */
export function pendingSocket(
  server: ServerInternals | undefined,
  names: SocketNames | undefined,
): SocketInternals {
  return becomePending(acceptedSocket(server, undefined), server, names);
}

/** One that has no handle (any more). */
export function becomePending(
  socket: SocketInternals,
  server: ServerInternals | undefined,
  names: SocketNames | undefined,
): SocketInternals {
  if (names) Object.assign(socket, { _peername: names.peer, _sockname: names.own });
  if (server?.pauseOnConnect) socket.pause();
  socket.connecting = true;
  return socket;
}

export const isPending = (socket: SocketInternals): boolean =>
  socket.connecting && socket._handle === null;

interface Written {
  chunk: Uint8Array | string;
  encoding?: BufferEncoding;
}

interface WritingInternals {
  /** Of a write that waits for the handle: one chunk, or those that were corked. */
  _pendingData: Written[] | Uint8Array | string | null;
  _pendingEncoding?: BufferEncoding;
  _writableState: { getBuffer(): Written[] };
}

/** What was written to it and waits for its handle. */
export function keptBytes(socket: SocketInternals): Buffer {
  const { _pendingData, _pendingEncoding, _writableState } = socket as unknown as WritingInternals;
  const first: Written[] = Array.isArray(_pendingData)
    ? _pendingData
    : _pendingData === null
      ? []
      : [{ chunk: _pendingData, ...(_pendingEncoding ? { encoding: _pendingEncoding } : {}) }];
  const all = [...first, ..._writableState.getBuffer()];
  return Buffer.concat(
    all.map(({ chunk, encoding }) =>
      typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk,
    ),
  );
}

/** What was written goes out; `head` is read before anything else. Closed here, it is closed there. */
export function attachHandle(socket: SocketInternals, handle: RawHandle, head: Buffer): void {
  if (!isPending(socket)) {
    handle.close();
    return;
  }
  const { owner, onread, noDelay, keepAlive, keepAliveDelay } = nodesOwn(handle);
  handle[owner] = socket;
  handle.onread = onread;
  handle.reading = false;
  socket._handle = handle;
  const options = socket as unknown as Record<symbol, unknown>;
  if (options[noDelay]) handle.setNoDelay?.(true);
  if (options[keepAlive]) handle.setKeepAlive?.(true, Number(options[keepAliveDelay] ?? 0));
  goOn(socket, head);
}

/** The connection has ended on its way: what it had still said is heard, then that it ended. */
export function endPending(socket: SocketInternals, head: Buffer): void {
  if (isPending(socket)) goOn(socket, head);
  socket.destroy();
}

function goOn(socket: SocketInternals, head: Buffer): void {
  // As bytes that were read: the application's own `setEncoding` decodes them with what follows.
  if (head.byteLength > 0) socket.push(head);
  if (socket._handle === null) return;
  socket.connecting = false;
  socket.emit("connect");
}

interface NodesOwn {
  owner: symbol;
  onread: unknown;
  noDelay: symbol;
  keepAlive: symbol;
  keepAliveDelay: symbol;
}

let known: NodesOwn | undefined;

/** What Node puts on a handle and on a socket when the two meet: seen once, with the first handle. */
function nodesOwn(handle: RawHandle): NodesOwn {
  if (known) return known;
  const options = { handle, pauseOnCreate: true } as net.SocketConstructorOpts;
  const socket = new net.Socket(options) as SocketInternals;
  const symbols = Object.getOwnPropertySymbols(handle);
  const named = (name: string) => symbolOf(socket, name) ?? Symbol(name);
  known = {
    owner: symbols.find((symbol) => handle[symbol] === socket)!,
    onread: handle.onread,
    noDelay: named("kSetNoDelay"),
    keepAlive: named("kSetKeepAlive"),
    keepAliveDelay: named("kSetKeepAliveInitialDelay"),
  };
  socket._handle = null;
  socket.destroy();
  return known;
}
