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

type Sent = (error?: Error) => void;

export class LateFrames implements Follow {
  readonly #follow: Follow;
  #unsent: Buffer = Buffer.alloc(0);
  /** What was sent while it counted and has not been written yet: a Blob is read first. */
  #underWay = 0;

  constructor(webSocket: WebSocketInternals, follow: Follow) {
    this.#follow = follow;
    this.#observe(webSocket);
  }

  counts(): boolean {
    return this.#underWay > 0 || this.#follow.counts();
  }

  /** `ws` writes the head of a frame and its payload one after the other. */
  send(bytes: Buffer): void {
    this.#unsent = Buffer.concat([this.#unsent, bytes]);
    for (;;) {
      const length = frameBytes(this.#unsent);
      if (length === undefined || this.#unsent.byteLength < length) return;
      const opcode = this.#unsent[0]! & OPCODE;
      if (opcode !== PING && opcode !== PONG) this.#follow.send(this.#unsent.subarray(0, length));
      this.#unsent = this.#unsent.subarray(length);
    }
  }

  /**
   * What counts is decided when it is sent. Compressed, it would come some time later: behind what
   * the new version has said since.
   */
  #observe(webSocket: WebSocketInternals): void {
    const { send } = webSocket;
    override(webSocket, "send", (data: unknown, ...rest: unknown[]) => {
      const callback = rest.find((part): part is Sent => typeof part === "function");
      if (!this.#follow.counts()) {
        if (callback) process.nextTick(callback);
        return;
      }
      const options = typeof rest[0] === "object" ? rest[0] : {};
      this.#underWay += 1;
      send.call(webSocket, data, { ...options, compress: false }, (error?: Error) => {
        this.#underWay -= 1;
        callback?.(error);
      });
    });
  }
}
