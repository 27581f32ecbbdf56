/**
 * Values, with a handle beside some of them, from one worker straight to another: over one end each
 * of a socket pair that the supervisor has made and handed out.
 *
 *   ┌ length (4) ┐┌ 1: with a handle ┐┌ a value, as v8 serializes it ┐
 *
 * Node's own channel waits for an acknowledgement of each handle, since some systems deliver several
 * at once. Linux never does: a read ends with the message that brought a handle. So nothing is waited
 * for here, and handles are given to the values that announce them in the order of their coming.
 */
import net from "node:net";
import { deserialize, serialize } from "node:v8";
import type { RawHandle } from "./internals.ts";

/** From Node 26 on a socket no longer shows what a write is asked with: it is written as any socket. */
const isNewer = Number.parseInt(process.versions.node, 10) >= 26;

/** Elsewhere the supervisor passes them on. */
export const passesHandles = process.platform === "linux" && !isNewer;

const HEAD_BYTES = 5;
/** As `pipe_wrap` counts its kinds. */
const IPC = 2;

interface WriteRequest {
  oncomplete: (status: number) => void;
  bytes?: Buffer;
}

type WriteRequestClass = new () => WriteRequest;

type IpcPipe = RawHandle & {
  readonly fd: number;
  readonly writeQueueSize: number;
  pendingHandle: RawHandle | null;
  onread: (bytes: ArrayBuffer | undefined) => void;
  open(fd: number): number;
  writeLatin1String(request: WriteRequest, text: string, handle?: RawHandle): number;
  writeBuffer(request: WriteRequest, bytes: Buffer): number;
};

export class HandlePipe {
  onValue: (value: unknown, handle: RawHandle | undefined) => void = () => {};
  /** Nothing comes any more: the other end has closed it, or is dead. */
  onEnd: () => void = () => {};
  /** Owns the descriptor. It is never read: two that read one descriptor would confuse libuv. */
  readonly #end: RawHandle;
  readonly #pipe: IpcPipe;
  #unread = Buffer.alloc(0);
  readonly #handles: RawHandle[] = [];
  #plain: net.Socket | undefined;
  #isClosed = false;
  /** Since it was last told to read. */
  #hasRead = false;

  constructor(end: RawHandle) {
    this.#end = end;
    const Pipe = end.constructor as unknown as new (kind: number) => IpcPipe;
    this.#pipe = new Pipe(IPC);
    this.#pipe.open((end as IpcPipe).fd);
    this.#pipe.unref();
    end.unref();
    this.#pipe.pendingHandle = null;
  }

  /** From here on `onValue` is called. */
  read(): void {
    this.#pipe.onread = (bytes) => this.#receive(bytes);
    this.#pipe.readStart();
  }

  /** Bytes that the kernel has not taken yet. */
  get queuedBytes(): number {
    return this.#plain?.writableLength ?? this.#pipe.writeQueueSize;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  send(value: unknown): void {
    if (this.#isClosed) return;
    if (isNewer) {
      this.#plain ??= plainWriter(this.#end);
      this.#plain.write(encode(value, false));
      return;
    }
    const request = newRequest();
    // Kept with the request for as long as the kernel has not taken all of it.
    request.bytes = encode(value, false);
    this.#pipe.writeBuffer(request, request.bytes);
  }

  /** Resolves once the kernel has it. */
  sendWithHandle(value: unknown, handle: RawHandle): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) {
        reject(new Error("the pipe is closed"));
        return;
      }
      const request = newRequest();
      request.oncomplete = (status) => {
        if (status === 0) resolve();
        else reject(new Error(`a handle could not be sent: ${status}`));
      };
      const text = encode(value, true).toString("latin1");
      const status = this.#pipe.writeLatin1String(request, text, handle);
      if (status !== 0) reject(new Error(`a handle could not be sent: ${status}`));
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pipe.readStop();
    // What is queued goes first; the descriptor closes with the end that owns it.
    if (this.#plain) this.#plain.destroy();
    else this.#end.close();
    for (const handle of this.#handles.splice(0)) handle.close();
  }

  #receive(bytes: ArrayBuffer | undefined): void {
    const handle = this.#pipe.pendingHandle;
    this.#pipe.pendingHandle = null;
    if (handle) this.#handles.push(handle);
    if (bytes === undefined) {
      this.#receiveEnd();
      return;
    }
    this.#hasRead = true;
    const read = Buffer.from(bytesRead(bytes));
    this.#unread = this.#unread.byteLength === 0 ? read : Buffer.concat([this.#unread, read]);
    this.#deliver();
  }

  /**
   * Once the other process has gone, libuv takes a read that was short for the last one, and each that
   * brings a handle is short: what else had been sent is there still. So it is the end when nothing came
   * before it.
   */
  #receiveEnd(): void {
    if (this.#hasRead && !this.#isClosed) {
      this.#hasRead = false;
      this.#pipe.readStart();
      return;
    }
    this.close();
    this.onEnd();
  }

  #deliver(): void {
    while (this.#unread.byteLength >= HEAD_BYTES) {
      const end = HEAD_BYTES + this.#unread.readUInt32LE(0);
      if (this.#unread.byteLength < end) return;
      const value = deserialize(this.#unread.subarray(HEAD_BYTES, end));
      const handle = this.#unread[4] === 1 ? this.#handles.shift() : undefined;
      this.#unread = this.#unread.subarray(end);
      this.onValue(value, handle);
    }
  }
}

interface StreamState {
  /** How many bytes were read, where they begin, and more that is not asked for here. */
  streamBaseState: Int32Array;
}

let state: Int32Array | undefined;

/** Node 26 gives more memory than it has read into, and says elsewhere how much that was. */
function bytesRead(memory: ArrayBuffer): Uint8Array {
  if (!isNewer) return new Uint8Array(memory);
  const { binding } = process as unknown as { binding(name: string): StreamState };
  state ??= binding("stream_wrap").streamBaseState;
  return new Uint8Array(memory, state[1], state[0]);
}

function encode(value: unknown, hasHandle: boolean): Buffer {
  const body = serialize(value);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32LE(body.byteLength);
  head[4] = hasHandle ? 1 : 0;
  return Buffer.concat([head, body]);
}

function plainWriter(handle: RawHandle): net.Socket {
  const socket = new net.Socket({ handle, readable: false } as net.SocketConstructorOpts);
  return socket.on("error", () => {}).unref();
}

let known: WriteRequestClass | undefined;

function newRequest(): WriteRequest {
  known ??= writeRequestClass();
  const request = new known();
  request.oncomplete = () => {};
  return request;
}

/** Node does not export what a write to a handle is asked with; a socket shows it to its handle. */
function writeRequestClass(): WriteRequestClass {
  let shown: WriteRequestClass | undefined;
  const show = (request: WriteRequest) => {
    shown = request.constructor as WriteRequestClass;
    return 0;
  };
  const close = (done?: () => void) => done?.();
  const handle = { writeUtf8String: show, close, readStop: () => 0 };
  const socket = new net.Socket({ handle, readable: false } as net.SocketConstructorOpts);
  socket.on("error", () => {});
  socket.write("-", "utf8");
  socket.destroy();
  return shown!;
}
