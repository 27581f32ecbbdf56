/**
 * A quiet socket reads nothing, whatever Node or the application does meanwhile: what its peer
 * sends waits in the kernel. Nor does it time out: bytes that nobody has read are no idleness.
 */
import { nowMs } from "../../platform/clock.ts";
import type { RawHandle, SocketInternals } from "./internals.ts";

interface Frozen {
  sinceMs: number;
  handle: RawHandle;
  timeoutMs: number;
}

const frozen = new WeakMap<SocketInternals, Frozen>();

export function freezeSocket(socket: SocketInternals): void {
  const handle = socket._handle;
  if (handle === null || frozen.has(socket)) return;
  frozen.set(socket, { sinceMs: nowMs(), handle, timeoutMs: socket.timeout ?? 0 });
  handle.readStop();
  // Node keeps `handle.reading` by itself; it says later whether reading was wanted.
  const wanted = handle.reading === true;
  handle.readStart = () => 0;
  handle.readStop = () => 0;
  handle.reading = wanted;
  socket.setTimeout(0);
}

export function thawSocket(socket: SocketInternals): void {
  const state = frozen.get(socket);
  if (state === undefined) return;
  frozen.delete(socket);
  const { handle, timeoutMs } = state;
  unhook(handle);
  if (socket._handle !== handle) return;
  if (timeoutMs > 0) socket.setTimeout(timeoutMs);
  if (handle.reading) handle.readStart();
}

export const isFrozen = (socket: SocketInternals): boolean => frozen.has(socket);

export const quietSinceMs = (socket: SocketInternals): number =>
  frozen.get(socket)?.sinceMs ?? nowMs();

/**
 * Takes the handle out of a socket, for good: nothing in this process reads or writes it any
 * more, and the application sees its socket closed. The peer sees nothing.
 */
export function takeHandle(socket: SocketInternals): RawHandle {
  const handle = detachHandle(socket);
  socket.destroy();
  return handle;
}

/** The same, but that the socket stays as it is: who has it says what becomes of it. */
export function detachHandle(socket: SocketInternals): RawHandle {
  const handle = socket._handle!;
  freezeSocket(socket);
  frozen.delete(socket);
  unhook(handle);
  const { parser } = socket;
  if (parser?._consumed || handle._consumed) parser?.unconsume();
  if (parser) parser._consumed = false;
  handle._consumed = false;
  handle.reading = false;
  socket._handle = null;
  socket.on("error", () => {});
  return handle;
}

function unhook(handle: RawHandle): void {
  delete (handle as Partial<RawHandle>).readStart;
  delete (handle as Partial<RawHandle>).readStop;
}
