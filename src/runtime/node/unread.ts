/** Bytes that a socket has read and that nobody has used yet. */
import type { StringDecoder } from "node:string_decoder";
import type { SocketInternals } from "./internals.ts";

interface ReadableState {
  reading: boolean;
  encoding: BufferEncoding | null;
  flowing: boolean | null;
  decoder?: (StringDecoder & { lastChar: Buffer; lastNeed: number; lastTotal: number }) | null;
}

export const NOTHING = Buffer.alloc(0);

/** As Buffer.concat; of thousands of connections nearly all have nothing, and then nothing is allocated. */
export function joined(parts: readonly Uint8Array[]): Buffer {
  const some = parts.filter(({ byteLength }) => byteLength > 0);
  return some.length === 0 ? NOTHING : Buffer.concat(some);
}

/** Takes them out. Nobody may listen to the socket any more. */
export function takeUnread(socket: SocketInternals): Buffer {
  socket.removeAllListeners("data");
  socket.removeAllListeners("readable");
  const encoding = socket.readableEncoding;
  const parts: Buffer[] = [];
  for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
    parts.push(typeof chunk === "string" ? Buffer.from(chunk, encoding ?? "utf8") : chunk);
  }
  const { decoder } = (socket as unknown as { _readableState: ReadableState })._readableState;
  if (decoder && decoder.lastNeed > 0) {
    // The first bytes of a character whose rest has not arrived.
    parts.push(Buffer.from(decoder.lastChar.subarray(0, decoder.lastTotal - decoder.lastNeed)));
    // Taken: should the connection come back, they are not here any more.
    decoder.end();
  }
  return joined(parts);
}

/** As it was when it was accepted: whoever gets it next says how it is to be read. */
export function becomeUnread(socket: SocketInternals): void {
  const unread = takeUnread(socket);
  const state = (socket as unknown as { _readableState: ReadableState })._readableState;
  socket.unpipe();
  state.decoder = null;
  state.encoding = null;
  state.flowing = null;
  // Whoever listens next asks for bytes anew.
  if (socket._handle === null) state.reading = false;
  if (unread.byteLength > 0) socket.unshift(unread);
}
