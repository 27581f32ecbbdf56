/**
 * The messages by which a client has opened its session (credentials, subscriptions): the next
 * version's listener hears them again, and learns from them whom it has.
 */
import { InFlight } from "../inFlight.ts";
import { override } from "../override.ts";
import type { WebSocketInternals } from "./internals.ts";

/** More than this opens no session: such a connection is not carried. */
const MOST_BYTES = 64 * 1024;
/** A listener that came to its end in the version before may as well not do so here. */
const ANSWER_MS = 250;

export type Keep = (data: Buffer, isBinary: boolean) => boolean;

export interface OpeningMessage {
  data: Uint8Array;
  isBinary: boolean;
  /** Its listener came to its end: the client has its answer. */
  isAnswered: boolean;
}

export class Opening {
  readonly #keep: Keep | undefined;
  #messages: OpeningMessage[] = [];
  #bytes = 0;

  constructor(keep: Keep | undefined) {
    this.#keep = keep;
  }

  /** Undefined: it opens nothing. */
  note([payload, isBinary]: unknown[]): OpeningMessage | undefined {
    if (this.#keep === undefined) return undefined;
    const data = bytesOf(payload);
    if (!this.#keep(data, isBinary === true)) return undefined;
    const message = { data: Uint8Array.from(data), isBinary: isBinary === true, isAnswered: false };
    this.#bytes += data.byteLength;
    if (this.#bytes > MOST_BYTES) this.#messages = [];
    else this.#messages.push(message);
    return message;
  }

  /**
   * `message` holds no upgrade: what is not answered by then, the next version answers. What is
   * returned settles with its listeners; undefined: they have come to their end.
   */
  hear(
    message: OpeningMessage | undefined,
    webSocket: WebSocketInternals,
    parts: unknown[],
  ): Promise<void> | undefined {
    const work = new InFlight();
    const done = new Promise<void>((resolve) => {
      work.onIdle = () => {
        if (message) message.isAnswered = true;
        resolve();
      };
    });
    work.emit(webSocket, "message", parts);
    if (message) message.isAnswered = work.isIdle;
    return work.isIdle ? undefined : done;
  }

  record(): OpeningMessage[] | undefined {
    if (this.#bytes > MOST_BYTES) {
      throw new Error(`replay.keep is true of more than ${MOST_BYTES / 1024} KiB`);
    }
    return this.#messages.length > 0 ? this.#messages : undefined;
  }
}

/** What was answered before is heard first, and answered to nobody. `hear`: until it has been. */
export async function hearAgain(
  webSocket: WebSocketInternals,
  opening: readonly OpeningMessage[],
  hear: (parts: unknown[]) => Promise<void> | undefined,
): Promise<void> {
  const partsOf = ({ data, isBinary }: OpeningMessage) => [
    payloadFor(webSocket, data, isBinary),
    isBinary,
  ];
  const unmute = override(webSocket, "send", (...parts: unknown[]) => {
    const callback = parts.findLast((part) => typeof part === "function");
    if (callback) process.nextTick(callback as () => void);
  });
  for (const message of opening.filter(({ isAnswered }) => isAnswered)) {
    const work = hear(partsOf(message));
    if (work) await Promise.race([work, later(ANSWER_MS)]);
  }
  // Also what is answered without a promise that anybody sees.
  await new Promise((resolve) => setImmediate(resolve));
  unmute();
  for (const message of opening.filter(({ isAnswered }) => !isAnswered)) hear(partsOf(message));
}

const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms).unref());

const bytesOf = (payload: unknown): Buffer => {
  if (Array.isArray(payload)) return Buffer.concat(payload as Buffer[]);
  return Buffer.from(payload as ArrayBuffer);
};

/** As `ws` gives it to a listener: text is always a Buffer. */
function payloadFor({ binaryType }: WebSocketInternals, data: Uint8Array, isBinary: boolean) {
  const bytes = Buffer.from(data);
  if (!isBinary || binaryType === "nodebuffer") return bytes;
  if (binaryType === "fragments") return [bytes];
  return Uint8Array.from(data).buffer;
}
