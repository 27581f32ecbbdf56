/** One WebSocket of a registered server, in the generation that has it. */

import type { IncomingMessage } from "node:http";
import type { AnyCarryOptions } from "../../../hot/registry.ts";
import type { Holder } from "../../../protocol/worker.ts";
import { handleOf } from "../../node/fields.ts";
import type { SocketInternals } from "../../node/internals.ts";
import { isPending, namesOf } from "../../node/pending.ts";
import { quietSinceMs, resumeReading, stopReading, takeHandle } from "../../node/quiet.ts";
import { takeUnread } from "../../node/unread.ts";
import type { Carrier } from "../carrier.ts";
import type { Connection, Parcel } from "../connection.ts";
import { InFlight } from "../inFlight.ts";
import { type Follow, leaveBehind } from "../moved.ts";
import { override } from "../override.ts";
import { saveConnection } from "../saved.ts";
import { closeFrame, heldFrames, pendingFrames } from "./frames.ts";
import { CLOSING, OPEN, RECEIVER_STATE, type WebSocketInternals } from "./internals.ts";
import { followFrames, sendAtOnce } from "./lateFrames.ts";
import { observeEventTarget } from "./listeners.ts";
import { hearAgain, Opening, type OpeningMessage } from "./opening.ts";
import { type RequestRecord, recordRequest, type WebSocketRecord } from "./record.ts";

type CloseListener = (this: WebSocketInternals) => void;

/** Besides messages: what an application hears of a connection that may change its state. */
const HELD_EVENTS = new Set(["close", "error", "ping", "pong"]);

/** A WebSocket that changes hands as it is. */
export interface GivenWebSocket {
  webSocket: WebSocketInternals;
  record: WebSocketRecord;
  held: [event: string, parts: unknown[]][];
  closed: unknown[] | undefined;
  compressed: Buffer[];
}

export interface WebSocketConnectionParts {
  options: AnyCarryOptions;
  carrier: Carrier;
  shape: string;
  ownKeys: ReadonlySet<string | symbol>;
  /** It has gone to another generation's server, in place. */
  onGiven: () => void;
  given?: GivenWebSocket | undefined;
}

export type MakeConnection = (
  webSocket: WebSocketInternals,
  request: IncomingMessage,
  parts: WebSocketConnectionParts,
) => WebSocketConnection;

export class WebSocketConnection implements Connection {
  readonly webSocket: WebSocketInternals;
  readonly socket: SocketInternals;
  /** By which options of a server it was made. */
  readonly shape: string;
  readonly inFlight = new InFlight();
  readonly #request: IncomingMessage;
  /** As it came: frameworks rewrite the url while they look for a handler. */
  readonly #recorded: RequestRecord;
  readonly #options: AnyCarryOptions;
  readonly #carrier: Carrier;
  /** Of `ws` itself: its own bookkeeping at the end of a connection. */
  readonly #ownCloseListeners: CloseListener[];
  readonly #opening: Opening;
  /** Frames so far of a compressed message, as they came. */
  readonly #compressed: Buffer[];
  /** The events that came while it was held, in their order. */
  readonly #held: [event: string, parts: unknown[]][];
  /** What `ws` has set, so that what the application sets can be told from it. */
  readonly #ownKeys: ReadonlySet<string | symbol>;
  readonly #onGiven: () => void;
  /** Take away what is watched here. */
  readonly #undo: (() => void)[];
  /** The application's 'connection' listener has what it needs to hear the first message. */
  isAttended = true;
  #isStill = false;
  #isHeld = false;
  #isGone = false;
  /** Its record says that this side has begun to close it. */
  #toldOfClose = false;
  /** The arguments of a 'close' that came while it was still. */
  #closed: unknown[] | undefined;

  /** Before the application has seen it. `given`: of another generation, in place. */
  constructor(
    webSocket: WebSocketInternals,
    request: IncomingMessage,
    { options, carrier, shape, ownKeys, onGiven, given }: WebSocketConnectionParts,
  ) {
    this.#onGiven = onGiven;
    this.shape = shape;
    this.#ownKeys = ownKeys;
    this.#compressed = given?.compressed ?? [];
    this.#held = given?.held ?? [];
    this.#closed = given?.closed;
    this.#isHeld = given !== undefined;
    this.webSocket = webSocket;
    this.socket = webSocket._socket;
    this.#request = request;
    this.#recorded = recordRequest(request);
    this.#options = options;
    this.#opening = new Opening(options.replay?.keep);
    this.#carrier = carrier;
    this.#ownCloseListeners = webSocket.listeners("close") as CloseListener[];
    this.inFlight.onIdle = () => carrier.onChange();
    this.#undo = [
      observeEventTarget(webSocket, this.inFlight),
      this.#observeEvents(),
      this.#keepCompressed(),
    ];
  }

  get isMovable(): boolean {
    const { webSocket, socket } = this;
    if (socket.encrypted) return false;
    if (this.hasEnded) return true;
    if (handleOf(socket) === null && !isPending(socket)) return false;
    const { readyState, _closeFrameReceived, _receiver } = webSocket;
    if (readyState !== OPEN && readyState !== CLOSING) return false;
    if (_receiver.errored || (socket.readableEnded && !_closeFrameReceived)) return false;
    return keepsNoContext(webSocket);
  }

  get hasEnded(): boolean {
    return this.#closed !== undefined;
  }

  still(): void {
    if (this.#isStill) return;
    this.#isStill = true;
    // What is being inflated comes out later: a freeze is not to wait for all that zlib has to do.
    this.#isHeld = true;
    stopReading(this.socket);
  }

  hold(): void {
    this.#isHeld = true;
  }

  get isWaitedFor(): boolean {
    return this.#held.length > 0 || this.hasEnded;
  }

  resume(): void {
    if (!this.#isStill && !this.#isHeld) return;
    this.#isStill = false;
    this.#isHeld = false;
    for (const [event, parts] of this.#held.splice(0)) this.webSocket.emit(event, ...parts);
    if (this.#closed) this.webSocket.emit("close", ...this.#closed);
    else resumeReading(this.socket);
  }

  get isIdle(): boolean {
    return this.isAttended && this.inFlight.isIdle;
  }

  /** Held, what is half received need not be waited for: nobody has heard of it. */
  holder(): Holder | undefined {
    const isReceiving = !this.#isHeld && this.#isReceiving;
    if (this.hasEnded || (this.inFlight.isIdle && !isReceiving)) return undefined;
    const name = `WebSocket ${this.#recorded.url}`;
    return { kind: "websocket", name, ageMs: this.inFlight.ageMs };
  }

  get isTellable(): boolean {
    if (this.hasEnded) return true;
    const { readyState, _closeFrameSent } = this.webSocket;
    if (readyState === CLOSING && !_closeFrameSent) return false;
    return this.isIdle;
  }

  isFree(): boolean {
    if (this.hasEnded) return true;
    if (isPending(this.socket)) return false;
    if (!this.isAttended || !this.inFlight.isIdle || this.#isReceiving) return false;
    const { readyState, _closeFrameSent } = this.webSocket;
    if (readyState === CLOSING && !_closeFrameSent) return false;
    const { _queue, _bufferedBytes, _deflating, _state, _firstFragment } = this.webSocket._sender;
    const sending = _queue.length > 0 || _bufferedBytes > 0 || _deflating || (_state ?? 0) > 0;
    return !sending && _firstFragment && this.socket.writableLength === 0;
  }

  take(follow?: Follow): Parcel {
    const { socket } = this;
    const frames = this.hasEnded ? Buffer.alloc(0) : this.#frames();
    const since = quietSinceMs(socket);
    this.#isGone = true;
    const held = heldFrames(this.#held.splice(0));
    if (this.hasEnded) {
      this.#tidy();
      const head = Buffer.concat([held, this.#closeFrame()]);
      return { handle: undefined, head, quietSinceMs: since };
    }
    const head = Buffer.concat([held, frames, takeUnread(socket), this.#closeFrame()]);
    const closeSent = this.webSocket._closeFrameSent && !this.#toldOfClose;
    const rest = { head, quietSinceMs: since, ...(closeSent ? { closeSent } : {}) };
    if (follow) {
      sendAtOnce(this.webSocket);
      return { handle: leaveBehind(socket, followFrames(follow)), ...rest };
    }
    const handle = takeHandle(socket);
    this.#tidy();
    return { handle, ...rest };
  }

  forget(): void {
    this.socket.destroy();
    this.#tidy();
  }

  /** The object that the application had, for the server to make it anew: see replay.ts. */
  comeBack(): WebSocketInternals {
    const { socket } = this;
    socket.removeAllListeners();
    socket.on("error", () => {});
    socket.destroy();
    return this.webSocket;
  }

  /** Its handle has come. */
  attached(): void {
    if (this.#isStill) stopReading(this.socket);
  }

  /** In place: lets go of it as it is. Throws, with nothing changed, when `save` does. */
  give(): GivenWebSocket {
    const { webSocket } = this;
    const record = this.record();
    for (const undo of this.#undo) undo();
    this.#tidy();
    webSocket.removeAllListeners();
    for (const key of Reflect.ownKeys(webSocket)) {
      if (this.#ownKeys.has(key) || String(key).startsWith("_")) continue;
      delete (webSocket as unknown as Record<string | symbol, unknown>)[key];
    }
    this.#onGiven();
    const [held, closed, compressed] = [this.#held, this.#closed, this.#compressed];
    return { webSocket, record, held, closed, compressed };
  }

  /** In the middle of a chunk of bytes: inflating, or between two of its messages. */
  get #isReceiving(): boolean {
    const receiver = this.webSocket._receiver;
    if (this.webSocket._closeFrameReceived || receiver.errored) return false;
    return receiver.writableLength > 0 || receiver._state > RECEIVER_STATE.data;
  }

  record(): WebSocketRecord {
    const { webSocket } = this;
    this.#toldOfClose = webSocket._closeFrameSent;
    const deflate = webSocket._extensions["permessage-deflate"];
    const saved = saveConnection(this.#options, webSocket, this.#request);
    const opening = this.#opening.record();
    return {
      ...this.#recorded,
      protocol: webSocket.protocol,
      deflate: deflate?.params ? { ...deflate.params } : null,
      closeSent: webSocket._closeFrameSent,
      names: namesOf(handleOf(this.socket)),
      saved,
      ...(opening ? { opening } : {}),
    };
  }

  /** By what the client opened its session in an earlier version: heard before all else. */
  async hearAgain(opening: readonly OpeningMessage[]): Promise<void> {
    this.isAttended = false;
    const hear = (parts: unknown[]) =>
      this.#opening.hear(this.#opening.note(parts), this.webSocket, parts);
    await hearAgain(this.webSocket, opening, hear);
    this.isAttended = true;
    this.#carrier.onChange();
  }

  #frames(): Buffer {
    if (this.webSocket._closeFrameReceived) return Buffer.alloc(0);
    return pendingFrames(this.webSocket._receiver, this.#compressed);
  }

  #closeFrame(): Buffer {
    const { _closeFrameReceived, _closeCode, _closeMessage } = this.webSocket;
    return _closeFrameReceived ? closeFrame(_closeCode, _closeMessage) : Buffer.alloc(0);
  }

  #tidy(): void {
    for (const listener of this.#ownCloseListeners) listener.call(this.webSocket);
  }

  /**
   * The one place on the path of a message. 'close' is held back while the connection is still or
   * held (the state has gone on: the next generation has to hear of it), and nothing of a
   * connection that has gone reaches the application: it did not end.
   */
  #observeEvents(): () => void {
    const { webSocket, inFlight } = this;
    const emit = webSocket.emit;
    const hold = (event: string, parts: unknown[]) => this.#hold(event, parts);
    return override(webSocket, "emit", ((event: string, ...parts: unknown[]) => {
      if (event === "message") {
        if (this.#isHeld) return this.#keep(event, parts);
        const opening = this.#opening.note(parts);
        if (opening) {
          this.#opening.hear(opening, webSocket, parts);
          return true;
        }
        return inFlight.emit(webSocket, event, parts);
      }
      if (HELD_EVENTS.has(event) && hold(event, parts)) return true;
      return Reflect.apply(emit, webSocket, [event, ...parts]);
    }) as typeof emit);
  }

  /** Until somebody has heard of it, nothing more is read: what is kept does not grow. */
  #keep(event: string, parts: unknown[]): true {
    this.#held.push([event, parts]);
    stopReading(this.socket);
    this.#carrier.onHeld(this);
    return true;
  }

  /** True: the application is not to see it (now). */
  #hold(event: string, parts: unknown[]): boolean {
    if (this.#isGone) return true;
    if (event !== "close") return this.#isHeld && this.#keep(event, parts);
    if (this.#isStill || this.#isHeld) {
      this.#closed = parts;
      this.#carrier.onChange();
      this.#carrier.onHeld(this);
      return true;
    }
    this.#carrier.remove(this);
    return false;
  }

  #keepCompressed(): () => void {
    const deflate = this.webSocket._extensions["permessage-deflate"];
    if (deflate === undefined) return () => {};
    const kept = this.#compressed;
    const { decompress } = deflate;
    return override(deflate, "decompress", function (this: typeof deflate, data, fin, callback) {
      if (!fin) kept.push(data);
      else if (kept.length > 0) kept.length = 0;
      return decompress.call(this, data, fin, callback);
    });
  }
}

/** Compression whose state ends with each message: nothing of it has to travel. */
function keepsNoContext({ _extensions }: WebSocketInternals): boolean {
  const deflate = _extensions["permessage-deflate"];
  if (deflate === undefined) return true;
  const { params } = deflate;
  return Boolean(params?.server_no_context_takeover && params.client_no_context_takeover);
}
