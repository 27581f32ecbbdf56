/**
 * The worker's end of the supervisor's channel.
 *
 * The application keeps what it expects of `process.send`, `process.on("message")` and
 * `process.disconnect()`; the channel itself is ours: it cannot be cut, it does not keep an idle
 * application alive, and when it ends, the supervisor is dead and this process ends too.
 */
import { executionAsyncId } from "node:async_hooks";
import {
  ENVELOPE,
  type Envelope,
  type WorkerEvent,
  type WorkerRequest,
} from "../../protocol/worker.ts";
import { HandleQueue } from "./handleQueue.ts";
import type { RawHandle } from "./internals.ts";
import { onInternalMessage } from "./messages.ts";
import { hiddenIn } from "./symbols.ts";

type Send = (
  message: unknown,
  handle?: unknown,
  options?: unknown,
  callback?: (error: Error | null) => void,
) => boolean;

/** Where one generation says what it has to say. */
export interface EventSink {
  send(event: WorkerEvent, handle?: RawHandle): void;
  /** Resolves once the kernel has the message, and with it its handle. */
  sendWithHandle(event: WorkerEvent, handle: RawHandle): Promise<void>;
}

export class SupervisorChannel implements EventSink {
  /** Set by the worker: every message that this protocol knows, or does not know. */
  onRequest: (
    request: WorkerRequest,
    handle: RawHandle | undefined,
    generation: number | undefined,
  ) => void = () => {};
  /** The supervisor is gone. */
  onGone: () => void = () => {};
  /** The application said `process.send("ready")`. */
  onReadySignal: () => void = () => {};
  readonly #send: Send;
  readonly #handles = new HandleQueue();

  constructor() {
    this.#send = (process.send as Send).bind(process);
    onInternalMessage(process, (message, handle) => this.#receive(message, handle));
    process.on("disconnect", () => this.onGone());
    // Listening for 'disconnect' keeps a process alive; that is for the application to decide.
    (process.channel as unknown as { unrefCounted?(): void } | undefined)?.unrefCounted?.();
    process.send = ((...parts: Parameters<Send>) => this.#sendOfApplication(parts)) as never;
    keepConnected();
  }

  send(event: WorkerEvent, handle?: RawHandle, generation?: number): void {
    this.#post(event, handle, () => {}, generation);
  }

  sendWithHandle(event: WorkerEvent, handle: RawHandle, generation?: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#handles.add((sent) =>
        this.#post(
          event,
          handle,
          (error) => {
            sent();
            if (error) reject(error);
            else resolve();
          },
          generation,
        ),
      );
    });
  }

  /** For a generation that was loaded beside the first one. */
  sinkOf(generation: number): EventSink {
    return {
      send: (event, handle) => this.send(event, handle, generation),
      sendWithHandle: (event, handle) => this.sendWithHandle(event, handle, generation),
    };
  }

  #post(
    event: WorkerEvent,
    handle: RawHandle | undefined,
    callback: (error: Error | null) => void,
    generation: number | undefined,
  ): void {
    const envelope: Envelope<WorkerEvent> = { cmd: ENVELOPE, tsugi: event };
    if (generation !== undefined) envelope.generation = generation;
    try {
      this.#send(envelope, handle, undefined, callback);
    } catch (error) {
      callback(error as Error);
    }
  }

  #receive(message: unknown, handle: RawHandle | undefined): void {
    const envelope = message as Partial<Envelope<WorkerRequest>> | null;
    if (envelope?.cmd !== ENVELOPE) return;
    if (typeof envelope.tsugi?.type !== "string") handle?.close();
    else this.onRequest(envelope.tsugi, handle, envelope.generation);
  }

  #sendOfApplication(parts: Parameters<Send>): boolean {
    if (parts[0] === "ready") this.onReadySignal();
    const last = parts.findLast((part) => typeof part === "function");
    // Nothing on the other side listens to an application's messages: they end here.
    if (last !== undefined) process.nextTick(last as () => void, null);
    return true;
  }
}

/**
 * `process.disconnect()` does nothing when the application calls it. Node itself calls it when the
 * channel has ended, from the channel's own callback: that goes through.
 */
function keepConnected(): void {
  const channel = hiddenIn<RawHandle>(process, "kChannelHandle");
  if (channel?.getAsyncId === undefined) return;
  const original = process.disconnect!;
  const channelId = channel.getAsyncId();
  process.disconnect = () => {
    if (executionAsyncId() === channelId) original.call(process);
  };
}
