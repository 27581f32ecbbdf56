/**
 * The log: every line gets time, version and pid, and goes to `log/<app>.log` (rotated) or, under
 * `foreground`, to stdout. A full disk or a slow reader costs lines, which are counted; it never
 * costs the application anything, because the worker's pipes are always read.
 */
import { type FileHandle, open, rename, stat } from "node:fs/promises";
import { Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";

/** What may wait in memory for a slow disk or reader. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;
/** A longer line is cut into several. */
const MAX_LINE_LENGTH = 64 * 1024;

export interface LogSink {
  /** `text` is whole lines. Returns false if they were dropped. */
  write(text: string): boolean;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export class Log {
  #dropped = 0;
  readonly #sink: LogSink;

  constructor(sink: LogSink) {
    this.#sink = sink;
  }

  get dropped(): number {
    return this.#dropped;
  }

  line(version: string, pid: number, text: string): void {
    const stamped = `${new Date().toISOString()} ${version} ${pid} ${text}\n`;
    if (!this.#sink.write(stamped)) this.#dropped += 1;
  }

  /** Writes what waits and closes the file; the last thing that a supervisor does. */
  close(): Promise<void> {
    return this.#sink.close();
  }
}

/** Cuts a worker's output into lines; one for each of its streams. */
export class LineSplitter {
  readonly #decoder = new StringDecoder("utf8");
  readonly #onLine: (line: string) => void;
  #rest = "";

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#onLine(line);
    while (this.#rest.length > MAX_LINE_LENGTH) {
      this.#onLine(this.#rest.slice(0, MAX_LINE_LENGTH));
      this.#rest = this.#rest.slice(MAX_LINE_LENGTH);
    }
  }

  end(): void {
    if (this.#rest !== "") this.#onLine(this.#rest);
    this.#rest = "";
  }
}

/** Appends to a file and rotates it: `<app>.log`, `<app>.log.1` … `.keep`. */
export class FileSink implements LogSink {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #keep: number;
  #waiting: string[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> | null = null;
  #file: FileHandle | null = null;
  #sizeBytes = 0;

  constructor(path: string, maxBytes: number, keep: number) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    this.#keep = keep;
  }

  write(text: string): boolean {
    if (this.#waitingBytes + text.length > MAX_WAITING_BYTES) return false;
    this.#waiting.push(text);
    this.#waitingBytes += text.length;
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = null;
    });
    return true;
  }

  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  async close(): Promise<void> {
    await this.flush();
    await this.#file?.close();
    this.#file = null;
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const text = this.#waiting.join("");
      try {
        await this.#append(text);
      } catch {
        // A full disk: these lines stay in the queue until it is full too, then they are counted.
        await new Promise((resolve) => setTimeout(resolve, 200).unref());
        if (this.#waitingBytes < MAX_WAITING_BYTES / 2) continue;
      }
      this.#waiting.splice(0, this.#countOf(text));
      this.#waitingBytes -= text.length;
    }
  }

  /** How many queued pieces make up `text`: more may have come while it was written. */
  #countOf(text: string): number {
    let length = 0;
    let count = 0;
    while (length < text.length) length += this.#waiting[count++]!.length;
    return count;
  }

  async #append(text: string): Promise<void> {
    if (this.#file === null) {
      this.#file = await open(this.#path, "a", 0o640);
      this.#sizeBytes = (await stat(this.#path)).size;
    }
    if (this.#sizeBytes > 0 && this.#sizeBytes + text.length > this.#maxBytes) await this.#rotate();
    const { bytesWritten } = await this.#file.write(text);
    this.#sizeBytes += bytesWritten;
  }

  async #rotate(): Promise<void> {
    const old = this.#file;
    this.#file = null;
    await old?.close();
    for (let number = this.#keep - 1; number >= 0; number -= 1) {
      const from = number === 0 ? this.#path : `${this.#path}.${number}`;
      await rename(from, `${this.#path}.${number + 1}`).catch(() => {});
    }
    this.#file = await open(this.#path, "a", 0o640);
    this.#sizeBytes = 0;
  }
}

/** Writes to stdout without ever waiting for whoever reads it. */
export class StdoutSink implements LogSink {
  // process.stdout is synchronous for pipes on Linux: a stuck reader would stop the supervisor.
  readonly #socket: Socket | null;

  constructor() {
    let socket: Socket | null = null;
    try {
      socket = new Socket({ fd: 1, readable: false, writable: true });
      socket.on("error", () => {});
    } catch {
      socket = null; // stdout is a file: synchronous writes to it do not wait for anybody
    }
    this.#socket = socket;
  }

  write(text: string): boolean {
    if (this.#socket === null) return process.stdout.write(text) || true;
    if (this.#socket.destroyed || this.#socket.writableLength > MAX_WAITING_BYTES) return false;
    this.#socket.write(text);
    return true;
  }

  close(): Promise<void> {
    return this.flush();
  }

  async flush(): Promise<void> {
    const socket = this.#socket;
    if (socket === null || socket.destroyed || socket.writableLength === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 1000);
      socket.write("", () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
