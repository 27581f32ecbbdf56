/** The messages by which the client of a WebSocket opens its session. */
import { Opening, type OpeningMessage } from "../opening.ts";
import { Voice } from "../voice.ts";
import { bytesOf } from "./frames.ts";
import type { WebSocketInternals } from "./internals.ts";

export type KeepMessage = (data: Buffer, isBinary: boolean, kept: Buffer) => boolean | Uint8Array;

export class OpeningMessages extends Opening {
  readonly #webSocket: WebSocketInternals;
  readonly #keep: KeepMessage;

  constructor(webSocket: WebSocketInternals, keep: KeepMessage) {
    super(new Voice(webSocket, "send"));
    this.#webSocket = webSocket;
    this.#keep = keep;
  }

  /** True: it is one of them, and its listeners have heard it. */
  hear(parts: unknown[]): boolean {
    this.voice.ignore();
    const [payload, isBinary] = parts;
    const message = { data: bytesOf(payload), isBinary: isBinary === true, isAnswered: false };
    if (!this.#note(message)) return false;
    void this.tell(message, this.#webSocket, "message", parts);
    return true;
  }

  #note(message: OpeningMessage): boolean {
    const isBinary = message.isBinary === true;
    return this.note(message, (data, kept) => this.#keep(data, isBinary, kept));
  }

  hearAgain(messages: readonly OpeningMessage[]): Promise<void> {
    const webSocket = this.#webSocket;
    return this.tellAgain(messages, (message) => {
      const { data, isBinary = false } = message;
      const parts = [payloadFor(webSocket, data, isBinary), isBinary];
      this.#note(message);
      return this.tell(message, webSocket, "message", parts);
    });
  }
}

/** As `ws` gives it to a listener: text is always a Buffer. */
function payloadFor({ binaryType }: WebSocketInternals, data: Uint8Array, isBinary: boolean) {
  const bytes = Buffer.from(data);
  if (!isBinary || binaryType === "nodebuffer") return bytes;
  if (binaryType === "fragments") return [bytes];
  return Uint8Array.from(data).buffer;
}
