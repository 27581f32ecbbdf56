/**
 * Frames on a state pipe: one byte of kind, eight of length (little endian), then the bytes.
 * Bytes are written from where they lie and read into the buffer where they stay.
 */
import { once } from "node:events";
import net from "node:net";
import type { RawHandle } from "../node/internals.ts";

/** `end` closes a pipe that was written whole: without it the sender has died or given up. */
export const FRAME = { json: 1, body: 2, buffer: 3, end: 4 } as const;
export type FrameKind = (typeof FRAME)[keyof typeof FRAME];

export interface Frame {
  kind: number;
  bytes: Buffer<ArrayBuffer>;
}

const HEADER_BYTES = 9;
const READ_BYTES = 256 * 1024;

export class FrameWriter {
  readonly #socket: net.Socket;
  #failure: Error | undefined;

  constructor(handle: RawHandle) {
    this.#socket = new net.Socket({ handle, readable: false } as net.SocketConstructorOpts);
    this.#socket.on("error", (error) => {
      this.#failure = error;
    });
  }

  json(value: unknown): Promise<void> {
    return this.write(FRAME.json, Buffer.from(JSON.stringify(value)));
  }

  /** Resolves when the next frame may be written: never more than one is kept waiting. */
  async write(kind: FrameKind, bytes: Uint8Array): Promise<void> {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt8(kind, 0);
    header.writeBigUInt64LE(BigInt(bytes.byteLength), 1);
    this.#socket.cork();
    this.#socket.write(header);
    const flowing = bytes.byteLength === 0 || this.#socket.write(bytes);
    this.#socket.uncork();
    if (!flowing && this.#failure === undefined && !this.#socket.destroyed) {
      const closed = once(this.#socket, "close").catch(() => {});
      await Promise.race([once(this.#socket, "drain").catch(() => {}), closed]);
    }
    if (this.#failure) throw this.#failure;
    if (this.#socket.destroyed) throw new Error("the receiver of the state is gone");
  }

  async end(): Promise<void> {
    await this.write(FRAME.end, new Uint8Array(0));
    await new Promise<void>((resolve) => this.#socket.end(() => resolve()));
    this.#socket.destroy();
    if (this.#failure) throw this.#failure;
  }

  abort(): void {
    this.#socket.destroy();
  }
}

/** Reads every frame up to the end of the pipe. `onFrame` must not keep `bytes` of a json frame. */
export function readFrames(handle: RawHandle, onFrame: (frame: Frame) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const decoder = new FrameDecoder(onFrame);
    const socket = new net.Socket({
      handle,
      writable: false,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BYTES),
        callback: (length: number, buffer: Uint8Array) => {
          try {
            decoder.push(buffer.subarray(0, length));
          } catch (error) {
            socket.destroy(error as Error);
          }
          return true;
        },
      },
    } as net.SocketConstructorOpts);
    socket.on("error", reject);
    socket.on("end", () => socket.destroy());
    socket.on("close", () =>
      decoder.ended ? resolve() : reject(new Error("the sender of the state is gone")),
    );
    socket.resume();
  });
}

class FrameDecoder {
  /** True once the `end` frame has come. */
  ended = false;
  readonly #onFrame: (frame: Frame) => void;
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerFilled = 0;
  #frame: Frame | undefined;
  #filled = 0;

  constructor(onFrame: (frame: Frame) => void) {
    this.#onFrame = onFrame;
  }

  push(chunk: Uint8Array): void {
    let rest = chunk;
    while (rest.byteLength > 0) {
      rest =
        this.#frame === undefined ? this.#takeHeader(rest) : this.#takeBytes(rest, this.#frame);
    }
  }

  #takeHeader(chunk: Uint8Array): Uint8Array {
    const part = chunk.subarray(0, HEADER_BYTES - this.#headerFilled);
    this.#header.set(part, this.#headerFilled);
    this.#headerFilled += part.byteLength;
    if (this.#headerFilled === HEADER_BYTES) this.#begin();
    return chunk.subarray(part.byteLength);
  }

  #begin(): void {
    const length = Number(this.#header.readBigUInt64LE(1));
    this.#frame = { kind: this.#header[0]!, bytes: Buffer.allocUnsafeSlow(length) };
    this.#filled = 0;
    if (length === 0) this.#finish(this.#frame);
  }

  #takeBytes(chunk: Uint8Array, frame: Frame): Uint8Array {
    const part = chunk.subarray(0, frame.bytes.byteLength - this.#filled);
    frame.bytes.set(part, this.#filled);
    this.#filled += part.byteLength;
    if (this.#filled === frame.bytes.byteLength) this.#finish(frame);
    return chunk.subarray(part.byteLength);
  }

  #finish(frame: Frame): void {
    this.#frame = undefined;
    this.#headerFilled = 0;
    if (frame.kind === FRAME.end) this.ended = true;
    else this.#onFrame(frame);
  }
}
