/**
 * What a WebSocket whose handle has gone on still sends: its frames follow whole, so that they stand
 * between those of the generation that has it now. Pings are for whoever hears the pongs.
 */
import type { Follow } from "../moved.ts";
import { override } from "../override.ts";
import type { WebSocketInternals } from "./internals.ts";

const OPCODE = 0x0f;
const PING = 0x09;
const PONG = 0x0a;

/** Of a server: no mask. Undefined: there is more to come. */
function frameBytes(bytes: Buffer): number | undefined {
  if (bytes.byteLength < 2) return undefined;
  const length = bytes[1]! & 0x7f;
  if (length < 126) return 2 + length;
  if (length === 126) return bytes.byteLength < 4 ? undefined : 4 + bytes.readUInt16BE(2);
  return bytes.byteLength < 10 ? undefined : 10 + Number(bytes.readBigUInt64BE(2));
}

/** `ws` writes the head of a frame and its payload one after the other. */
export function followFrames(follow: Follow): Follow {
  let unsent: Buffer = Buffer.alloc(0);
  return (bytes) => {
    unsent = Buffer.concat([unsent, bytes]);
    for (;;) {
      const length = frameBytes(unsent);
      if (length === undefined || unsent.byteLength < length) return;
      const opcode = unsent[0]! & OPCODE;
      if (opcode !== PING && opcode !== PONG) follow(unsent.subarray(0, length));
      unsent = unsent.subarray(length);
    }
  };
}

/**
 * A compressed frame comes some time after it was sent: its request may have ended by then, so that
 * what it says counts no more, and the new version may have said something that belongs behind it.
 */
export function sendAtOnce(webSocket: WebSocketInternals): void {
  const { send } = webSocket;
  override(webSocket, "send", (data: unknown, ...rest: unknown[]) => {
    const callback = rest.find((part) => typeof part === "function");
    const options = typeof rest[0] === "object" ? rest[0] : {};
    send.call(webSocket, data, { ...options, compress: false }, callback);
  });
}
