/**
 * Tells whoever the setting `notify` names of what a person should see to. Never in the way: nothing
 * waits for it but a supervisor that has given up, and that not for long.
 *
 *   tell ──► one queue for each way ──► attempt ──► done
 *               │ full: the oldest goes     ├─ failed: again after 1, 4, 16 … s, by the settings of then
 *               ▼                           └─ too often, or refused for good
 *             said in the log ◄─────────────────┘
 */
import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { defined } from "../../../contract/checks.ts";
import { isoNow } from "../../../platform/clock.ts";
import type { Notice, NoticeEvent } from "../../../protocol/documents.ts";
import type { Mask } from "../../../protocol/mask.ts";
import type { NotifySettings } from "../../../protocol/settings.ts";
import type { Layout } from "../../../release/layout.ts";
import { type Failure, WAYS, type Way } from "./ways.ts";

/** Some twenty minutes in all. */
const PAUSES_MS = [1_000, 4_000, 16_000, 64_000, 256_000, 900_000];
const MOST_WAITING = 20;
/** What goes on for hours is told once an hour. */
const AGAIN_MS = 3_600_000;

export interface NotifierParts {
  layout: Layout;
  env: Record<string, string>;
  mask: Mask;
  note: (text: string) => void;
  /** Of the release that serves at this moment; undefined before the first one does. */
  serving: () => { version: string; notify: NotifySettings } | undefined;
  pausesMs?: readonly number[];
}

export type Told = Pick<Notice, "text" | "worker" | "code" | "lastWords">;

export class Notifier {
  readonly #parts: NotifierParts;
  readonly #queues: Queue[];
  readonly #lastAtMs = new Map<string, number>();
  readonly #stop = new AbortController();

  constructor(parts: NotifierParts) {
    this.#parts = parts;
    this.#queues = WAYS.map((way) => new Queue(way, parts, this.#stop.signal));
  }

  /** `about`: what it is the same with, when it happens again within the hour; absent: it never is. */
  tell(event: NoticeEvent, told: Told, about?: string): void {
    const serving = this.#parts.serving();
    if (serving === undefined || (about !== undefined && !this.#isNew(`${event} ${about}`))) return;
    const { layout, mask } = this.#parts;
    const { text, lastWords, ...rest } = told;
    const notice: Notice = {
      format: 1,
      event,
      at: isoNow(),
      host: hostname(),
      root: layout.root,
      name: layout.name,
      version: serving.version,
      text: mask.text(text),
      ...rest,
      ...defined({ lastWords: lastWords?.map((line) => mask.text(line)) }),
    };
    for (const queue of this.#queues) queue.push(notice, serving.notify);
  }

  /** What is on its way may arrive, within this time. */
  async settle(withinMs: number): Promise<void> {
    const all = Promise.all(this.#queues.map((queue) => queue.idle));
    await Promise.race([all, delay(withinMs, undefined, { ref: false })]);
  }

  /** The supervisor ends: what is still on its way is given up. */
  end(): void {
    const waiting = this.#queues.reduce((sum, queue) => sum + queue.length, 0);
    if (waiting > 0) this.#parts.note(`notify: ${waiting} not told, because the service ends`);
    this.#stop.abort();
  }

  #isNew(key: string): boolean {
    const nowMs = performance.now();
    const lastMs = this.#lastAtMs.get(key);
    if (lastMs !== undefined && nowMs - lastMs < AGAIN_MS) return false;
    this.#lastAtMs.set(key, nowMs);
    return true;
  }
}

class Queue {
  readonly #way: Way;
  readonly #parts: NotifierParts;
  readonly #stop: AbortSignal;
  readonly #waiting: Notice[] = [];
  #working: Promise<void> | undefined;

  constructor(way: Way, parts: NotifierParts, stop: AbortSignal) {
    this.#way = way;
    this.#parts = parts;
    this.#stop = stop;
  }

  get length(): number {
    return this.#waiting.length;
  }

  get idle(): Promise<void> {
    return this.#working ?? Promise.resolve();
  }

  push(notice: Notice, notify: NotifySettings): void {
    if (!this.#way.isWanted(notify) || this.#stop.aborted) return;
    if (this.#waiting.length === MOST_WAITING) {
      // Not the one that is being told.
      const [left] = this.#waiting.splice(1, 1);
      this.#note(notify, `${left!.event} is not told: too much waits`);
    }
    this.#waiting.push(notice);
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
    });
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      await this.#insist(next);
      if (this.#stop.aborted) return;
      this.#waiting.shift();
    }
  }

  async #insist(notice: Notice): Promise<void> {
    for (const pauseMs of [...(this.#parts.pausesMs ?? PAUSES_MS), undefined]) {
      // A reload may have put it right, or may want it no more.
      const notify = this.#parts.serving()?.notify;
      if (notify === undefined || !this.#way.isWanted(notify)) return;
      const failure = await this.#attempt(notice, notify);
      if (this.#stop.aborted) return;
      if (failure === undefined) return this.#note(notify, `told of ${notice.event}`);
      const isLast = failure.isFinal === true || pauseMs === undefined;
      const next = isLast ? "given up" : `again in ${pauseMs / 1000} s`;
      this.#note(notify, `${notice.event}: ${failure.problem}; ${next}`);
      if (isLast) return;
      await delay(pauseMs, undefined, { signal: this.#stop, ref: false }).catch(() => {});
      if (this.#stop.aborted) return;
    }
  }

  async #attempt(notice: Notice, notify: NotifySettings): Promise<Failure | undefined> {
    const { layout, env } = this.#parts;
    const onLine = (line: string) => this.#note(notify, line);
    const body = JSON.stringify(notice);
    const attempt = { notify, body, stop: this.#stop, cwd: layout.root, env, onLine };
    return this.#way.tell(attempt).catch(({ message }: Error) => ({ problem: message }));
  }

  #note(notify: NotifySettings, text: string): void {
    this.#parts.note(`notify: ${this.#way.nameOf(notify)}: ${text}`);
  }
}
