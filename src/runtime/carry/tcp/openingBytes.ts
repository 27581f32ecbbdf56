/**
 * The bytes by which the client of a TCP connection opens its session. However the application reads
 * (by 'data', by 'readable', through a package that wraps the stream), Node emits 'data' for all it gets.
 */
import type { EmitterInternals } from "../../node/events.ts";
import type { SocketInternals } from "../../node/internals.ts";
import { type Keep, Opening, type OpeningMessage } from "../opening.ts";
import { Voice } from "../voice.ts";

export class OpeningBytes extends Opening {
  readonly #socket: SocketInternals & EmitterInternals;
  readonly #keep: Keep;
  /** What the application is given again right now. */
  #again: { message: OpeningMessage; heard(work: Promise<boolean>): void } | undefined;

  constructor(socket: SocketInternals, keep: Keep) {
    super(new Voice(socket, "write", true));
    this.#socket = socket as SocketInternals & EmitterInternals;
    this.#keep = keep;
  }

  /** At each 'data'. True: the listeners have heard it. */
  hear(parts: unknown[]): boolean {
    this.voice.ignore();
    const again = this.#again;
    this.#again = undefined;
    const data = again?.message.data ?? this.#bytesOf(parts[0]);
    const message = again?.message ?? { data, isAnswered: false };
    if (!this.note(message, this.#keep) && !again) return false;
    const work = this.tell(message, this.#socket, "data", parts);
    again?.heard(work);
    return true;
  }

  hearAgain(messages: readonly OpeningMessage[]): Promise<void> {
    return this.tellAgain(messages, (message) => {
      return new Promise((heard) => {
        this.#again = { message, heard };
        this.#socket.unshift(Buffer.from(message.data));
      });
    });
  }

  #bytesOf(chunk: unknown): Uint8Array {
    if (typeof chunk !== "string") return chunk as Uint8Array;
    return Buffer.from(chunk, this.#socket.readableEncoding ?? "utf8");
  }
}
