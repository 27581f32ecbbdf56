/**
 * What waits for a slow disk or reader, and the count of what could not wait.
 *
 *   line ──► waiting ──► target          it takes bytes as it can: all, some, none for now
 *              │ full                    an error: the same bytes again, a little later
 *              ▼                         nobody is there any more: what waits is lost
 *            lost ──► one line in the log that says how many, at the place where they are missing
 */

import { messageOf } from "../../../contract/errors.ts";
import { within } from "../../../platform/waiting.ts";

/** Where lines go. */
export interface LogTarget {
  /**
   * From the start of `bytes` on. `withinLine`: they go on with a line that was begun.
   * @returns how many were taken, 0: not now; "anew": the line begins again, somewhere else
   */
  write(bytes: Buffer, withinLine: boolean): Promise<number | "anew">;
  /** At most so many bytes at once. */
  readonly batchBytes: number;
  /** What does not keep lines from being written. */
  readonly trouble?: string | undefined;
  /** The file of that name is another one by now. */
  reopen?(): Promise<void>;
  use?(limits: { maxBytes: number; keep: number }): void;
  close(): Promise<void>;
}

const MAX_WAITING_BYTES = 4 * 1024 * 1024;
const AGAIN_AFTER_ERROR_MS = 250;
const AGAIN_FIRST_MS = 2;
const AGAIN_LAST_MS = 50;
/** A log that can't be written must not keep a service from ending. */
const CLOSE_MS = 500;

interface Entry {
  bytes: Buffer;
  /** Of a line that says how many are missing here. */
  missing?: number;
}

export class LogQueue {
  readonly target: LogTarget;
  readonly #sayMissing: (count: number, why: string) => string;
  readonly #onProblem: (error: unknown) => void;
  #waiting: Entry[] = [];
  #waitingBytes = 0;
  /** Of the first one that waits: what is written already. */
  #offset = 0;
  #lost = 0;
  /** Of these the log does not tell yet. */
  #untold = 0;
  #problem: string | undefined;
  #lastProblem = "";
  #draining: Promise<void> | null = null;
  #wake = () => {};
  #reopen = false;
  #closing = false;
  #closed = false;

  /** `onProblem`: lines begin to wait. */
  constructor(
    target: LogTarget,
    sayMissing: (count: number, why: string) => string,
    onProblem: (error: unknown) => void = () => {},
  ) {
    this.target = target;
    this.#sayMissing = sayMissing;
    this.#onProblem = onProblem;
  }

  /** Lines that will never be in the log. */
  get lost(): number {
    return this.#lost;
  }

  /** Why lines wait at this moment. */
  get problem(): string | undefined {
    return this.#problem ?? this.target.trouble;
  }

  push(text: string): void {
    const bytes = Buffer.from(text);
    if (this.#closed || this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) this.lose(1);
    else {
      if (this.#untold > 0) this.#tellMissing();
      this.#add({ bytes });
    }
  }

  /** `count` lines were lost, here or before they came here. */
  lose(count: number, why?: string): void {
    this.#lost += count;
    this.#untold += count;
    if (why !== undefined) this.#lastProblem = why;
    // Told when there is room again.
    if (!this.#closed) this.#start();
  }

  reopen(): void {
    this.#reopen = true;
    this.#start();
  }

  flush(): Promise<void> {
    return this.#draining ?? Promise.resolve();
  }

  /** Resolves soon, whatever the disk or the reader does. What can't be written is counted. */
  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#wake();
    await soon(this.flush());
    this.#closed = true;
    this.#wake();
    this.#loseAll();
    await soon(this.target.close().catch(() => {}));
  }

  #add(entry: Entry): void {
    this.#waiting.push(entry);
    this.#waitingBytes += entry.bytes.length;
    this.#start();
  }

  #start(): void {
    this.#draining ??= this.#drain().finally(() => {
      this.#draining = null;
    });
  }

  async #drain(): Promise<void> {
    let againMs = AGAIN_FIRST_MS;
    // What comes in one turn is written in one go.
    await null;
    while (!this.#closed) {
      if (this.#reopen && this.#offset === 0) {
        this.#reopen = false;
        await this.target.reopen?.().catch(() => {});
      }
      if (this.#waiting.length === 0) {
        if (this.#untold === 0 || this.#problem !== undefined) return;
        this.#tellMissing();
      }
      try {
        const taken = await this.target.write(this.#batch(), this.#offset > 0);
        if (this.#closed) return;
        if (taken === "anew") {
          this.#offset = 0;
          continue;
        }
        this.#problem = undefined;
        this.#advance(taken);
        againMs = taken > 0 ? AGAIN_FIRST_MS : Math.min(againMs * 2, AGAIN_LAST_MS);
        if (taken === 0) await this.#pause(againMs);
      } catch (error) {
        if (this.#problem === undefined) this.#onProblem(error);
        this.#problem = this.#lastProblem = messageOf(error);
        if (this.#closing || isGone(error)) this.#loseAll();
        else await this.#pause(AGAIN_AFTER_ERROR_MS);
      }
    }
  }

  #batch(): Buffer {
    const parts = [this.#waiting[0]!.bytes.subarray(this.#offset)];
    let length = parts[0]!.length;
    for (let next = 1; next < this.#waiting.length; next += 1) {
      const { bytes } = this.#waiting[next]!;
      length += bytes.length;
      if (length > this.target.batchBytes) break;
      parts.push(bytes);
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  }

  #advance(taken: number): void {
    let end = this.#offset + taken;
    let whole = 0;
    while (whole < this.#waiting.length && end >= this.#waiting[whole]!.bytes.length) {
      end -= this.#waiting[whole]!.bytes.length;
      this.#waitingBytes -= this.#waiting[whole]!.bytes.length;
      whole += 1;
    }
    this.#waiting.splice(0, whole);
    this.#offset = end;
  }

  #tellMissing(): void {
    const missing = this.#untold;
    this.#untold = 0;
    this.#add({ bytes: Buffer.from(this.#sayMissing(missing, this.#lastProblem)), missing });
  }

  #loseAll(): void {
    for (const { missing } of this.#waiting) {
      this.#lost += missing === undefined ? 1 : 0;
      this.#untold += missing ?? 1;
    }
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#offset = 0;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#closing ? AGAIN_LAST_MS : ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The reader has ended: no later attempt will do better. */
function isGone(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === "EPIPE" || code === "ECONNRESET" || code === "EBADF";
}

const soon = (work: Promise<void>): Promise<void> => within(CLOSE_MS, work, () => {});
