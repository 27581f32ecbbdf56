/**
 * What a client has opened its session with (credentials, subscriptions): the next version's listener
 * hears it again, and learns from it whom it has.
 */
import type { EmitterInternals } from "../node/events.ts";
import { InFlight } from "./inFlight.ts";
import type { Voice } from "./voice.ts";

/** More than this opens no session: such a connection is not carried. */
const MOST_BYTES = 64 * 1024;
/** A listener that came to its end in the version before may as well not do so here. */
const ANSWER_MS = 250;
/** Of answers that no promise stands for: nothing comes any more. */
const SILENCE_MS = 25;

export interface OpeningMessage {
  data: Uint8Array;
  /** Of a WebSocket. */
  isBinary?: boolean;
  /** Its listener came to its end: the client has its answer. */
  isAnswered: boolean;
  /** Something was sent after its listener had come to its end: as an answer, perhaps. */
  isAnsweredLate?: boolean;
}

/** True: it belongs to what is `kept`; bytes: these are kept instead. */
export type Keep = (data: Buffer, kept: Buffer) => boolean | Uint8Array;

/** Makes a listener hear it. True: a promise stood for the answer, and has settled. */
export type Hear = (message: OpeningMessage) => Promise<boolean>;

export class Opening {
  /** Of the application, to the client. */
  protected readonly voice: Voice;
  #messages: OpeningMessage[] = [];

  constructor(voice: Voice) {
    this.voice = voice;
  }

  undo(): void {
    this.voice.undo();
  }

  get isEmpty(): boolean {
    return this.#messages.length === 0;
  }

  get #bytes(): Buffer {
    return Buffer.concat(this.#messages.map(({ data }) => data));
  }

  /** True: it is a message of its own. */
  protected note(message: OpeningMessage, keep: Keep): boolean {
    const { buffer, byteOffset, byteLength } = message.data;
    const answer = kept(() => keep(Buffer.from(buffer, byteOffset, byteLength), this.#bytes));
    if (answer === true) this.#add(message);
    else if (answer) this.#replace({ ...message, data: answer });
    return answer === true;
  }

  #add(message: OpeningMessage): void {
    // What is too much already is not kept twice over.
    if (this.#isTooMuch) return;
    message.data = Uint8Array.from(message.data);
    this.#messages.push(message);
  }

  /** This, in place of all that was kept so far. */
  #replace(message: OpeningMessage): void {
    const data = Uint8Array.from(message.data);
    const isAnsweredLate = [message, ...this.#messages].some((it) => it.isAnsweredLate);
    const replaced = { ...message, data, isAnswered: true, isAnsweredLate };
    this.#messages = data.byteLength > 0 ? [replaced] : [];
    if (!isAnsweredLate) this.#listenFor(replaced);
  }

  /** The message holds no upgrade: what is not answered by then, the next version answers. */
  protected async tell(
    message: OpeningMessage,
    emitter: EmitterInternals,
    event: string,
    parts: unknown[],
  ): Promise<boolean> {
    const work = new InFlight();
    const done = new Promise<boolean>((resolve) => {
      work.onIdle = () => {
        message.isAnswered = true;
        resolve(true);
      };
    });
    work.emit(emitter, event, parts);
    message.isAnswered = work.isIdle;
    if (!work.isIdle) return done;
    this.#listenFor(message);
    return false;
  }

  #listenFor(message: OpeningMessage): void {
    this.voice.noteFor(ANSWER_MS, () => {
      message.isAnsweredLate = true;
    });
  }

  record(): OpeningMessage[] | undefined {
    if (this.#isTooMuch) {
      throw new Error(`replay.keep is true of more than ${MOST_BYTES / 1024} KiB`);
    }
    return this.#messages.length > 0 ? this.#messages : undefined;
  }

  /** What was answered before is heard first, and answered to nobody. */
  protected async tellAgain(opening: readonly OpeningMessage[], hear: Hear): Promise<void> {
    const { voice } = this;
    const again = opening.map((message) => ({ ...message }));
    voice.mute();
    for (const message of again.filter(({ isAnswered }) => isAnswered)) {
      const { isAnsweredLate } = message;
      voice.muted = 0;
      const isOver = await Promise.race([hear(message), later(ANSWER_MS)]);
      if (!isOver && isAnsweredLate) await voice.silence(SILENCE_MS, ANSWER_MS);
    }
    // Also what is answered without a promise that anybody sees.
    await new Promise((resolve) => setImmediate(resolve));
    voice.unmute();
    for (const message of again.filter(({ isAnswered }) => !isAnswered)) void hear(message);
  }

  get #isTooMuch(): boolean {
    return this.#messages.reduce((sum, { data }) => sum + data.byteLength, 0) > MOST_BYTES;
  }
}

/** Of what a client sends: one that `keep` cannot make sense of opens nothing. */
function kept<T>(keep: () => T): T | false {
  try {
    return keep();
  } catch {
    return false;
  }
}

const later = (ms: number) => new Promise<true>((resolve) => setTimeout(resolve, ms, true).unref());
