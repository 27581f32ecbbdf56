/**
 * What a process prints arrives, also right before its end. Node writes to a pipe without waiting,
 * and what doesn't fit into it is lost with `process.exit`, a crash or a signal.
 *
 *   reading   a write waits for the reader, who is quick: when it returns, the kernel has it all
 *   stuck     the reader has not read for a moment: what is printed waits in memory, up to a limit;
 *             beyond it lines are thrown away and counted. The application goes on.
 *   exit      what waits is written as in `reading`, for two seconds at most
 */
import { writeSync } from "node:fs";
import type { Writable } from "node:stream";

const PATIENCE_MS = 100;
const EXIT_PATIENCE_MS = 2_000;
const AGAIN_MS = 25;
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const LINE_FEED = 0x0a;

type Done = (error?: Error | null) => void;
interface Waiting {
  bytes: Buffer;
  done: Done;
}
type Piped = Writable & {
  _type?: string;
  _handle?: { setBlocking?(blocking: boolean): void } | null;
};

/** `onLost`: so many lines were thrown away; the output itself says so, too. */
export function keepOutput(onLost: (lines: number) => void = () => {}): void {
  const kept: KeptOutput[] = [];
  for (const [name, fd] of [["stdout", 1] as const, ["stderr", 2] as const]) {
    const described = Object.getOwnPropertyDescriptor(process, name);
    const get = described?.get;
    if (get === undefined) continue;
    let seen: Piped | undefined;
    Object.defineProperty(process, name, {
      ...described,
      get() {
        // Made by Node when it is first asked for; who writes to the descriptor never asks.
        const stream = get.call(process) as Piped;
        if (stream !== seen && stream._type === "pipe")
          kept.push(new KeptOutput(stream, fd, onLost));
        seen = stream;
        return stream;
      },
    });
  }
  process.on("exit", () => {
    for (const output of kept) output.leave();
  });
}

const cell = new Int32Array(new SharedArrayBuffer(4));
const rest = (ms: number) => void Atomics.wait(cell, 0, 0, ms);
// Before an application may replace them.
const { setTimeout: later } = globalThis;

class KeptOutput {
  readonly #stream: Piped;
  readonly #fd: number;
  readonly #onLost: (lines: number) => void;
  /** What the reader has not taken, and whom to tell when it has. */
  #waiting: Waiting | null = null;
  #isThrowing = false;
  #lostLines = 0;
  #leaveAtMs: number | undefined;

  constructor(stream: Piped, fd: number, onLost: (lines: number) => void) {
    this.#stream = stream;
    this.#fd = fd;
    this.#onLost = onLost;
    stream._write = (chunk, encoding, done) => this.#take(bytesOf(chunk, encoding), done);
    stream._writev = (entries, done) =>
      this.#take(Buffer.concat(entries.map((one) => bytesOf(one.chunk, one.encoding))), done);
  }

  /** The process ends: what waits, and what is printed from now on, has to be out at once. */
  leave(): void {
    this.#leaveAtMs ??= performance.now() + EXIT_PATIENCE_MS;
    this.#again();
    // What Node itself has to say of a crash comes after this.
    if (this.#waiting === null) this.#stream._handle?.setBlocking?.(true);
  }

  #take(bytes: Buffer, done: Done): void {
    if (this.#isThrowing) {
      this.#lose(bytes);
      done();
      return;
    }
    if (this.#waiting !== null) {
      this.#waiting = { bytes: Buffer.concat([this.#waiting.bytes, bytes]), done };
      return;
    }
    const taken = this.#write(bytes, this.#patienceMs(PATIENCE_MS));
    if (taken === bytes.length) {
      done();
      return;
    }
    this.#waiting = { bytes: bytes.subarray(taken), done };
    this.#later();
  }

  #later(): void {
    later(() => this.#again(), AGAIN_MS).unref();
  }

  #again(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    waiting.bytes = waiting.bytes.subarray(this.#write(waiting.bytes, this.#patienceMs(0)));
    if (waiting.bytes.length === 0) {
      this.#waiting = null;
      this.#tellLost();
      waiting.done();
      return;
    }
    if (this.#stream.writableLength > MAX_WAITING_BYTES) this.#throwAway(waiting);
    this.#later();
  }

  /** All but the line that is half written: what is in here, and what has piled up in the stream. */
  #throwAway({ bytes, done }: Waiting): void {
    const end = bytes.indexOf(LINE_FEED) + 1;
    this.#lose(bytes.subarray(end));
    this.#waiting = { bytes: bytes.subarray(0, end), done: () => {} };
    this.#isThrowing = true;
    done();
    this.#isThrowing = false;
  }

  #patienceMs(usual: number): number {
    if (this.#leaveAtMs === undefined) return usual;
    return Math.max(0, this.#leaveAtMs - performance.now());
  }

  /** @returns how many bytes the reader, or nobody, has taken */
  #write(bytes: Buffer, patienceMs: number): number {
    let at = 0;
    let until = performance.now() + patienceMs;
    while (at < bytes.length) {
      try {
        at += writeSync(this.#fd, bytes, at);
        until = performance.now() + patienceMs;
      } catch (error) {
        // The supervisor has ended: nothing that an application should hear of.
        if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return bytes.length;
        if (performance.now() >= until) return at;
        rest(1);
      }
    }
    return at;
  }

  #lose(bytes: Buffer): void {
    for (const byte of bytes) if (byte === LINE_FEED) this.#lostLines += 1;
  }

  #tellLost(): void {
    if (this.#lostLines === 0) return;
    const lines = this.#lostLines;
    this.#lostLines = 0;
    if (this.#leaveAtMs === undefined) this.#onLost(lines);
    else this.#write(Buffer.from(`tsugi: ${lines} lines lost: nobody has read them\n`), 0);
  }
}

function bytesOf(chunk: unknown, encoding: string): Buffer {
  if (typeof chunk === "string") return Buffer.from(chunk, encoding as BufferEncoding);
  return Buffer.from(chunk as Uint8Array);
}
