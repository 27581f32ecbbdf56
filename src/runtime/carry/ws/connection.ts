/** One WebSocket of a registered server, in the generation that has it. */

import type { IncomingMessage } from "node:http";
import { defined } from "../../../contract/checks.ts";
import type { AnyCarryOptions } from "../../../hot/registrations.ts";
import type { Holder } from "../../../protocol/worker.ts";
import { handleOf } from "../../node/fields.ts";
import { freezeSocket, quietSinceMs, takeHandle, thawSocket } from "../../node/frozenSockets.ts";
import type { SocketInternals } from "../../node/internals.ts";
import { isPending, namesOf } from "../../node/pending.ts";
import { joined, NOTHING, takeUnread } from "../../node/unread.ts";
import type { Carrier } from "../carrier.ts";
import type { Connection, Parcel } from "../connection.ts";
import { InFlight } from "../inFlight.ts";
import { type Follow, followWrites, leaveBehind } from "../moved.ts";
import type { OpeningMessage } from "../opening.ts";
import { saveConnection } from "../saved.ts";
import { keepCompressed, keepsNoContext } from "./compression.ts";
import { closeFrame, keptFrames, pendingFrames } from "./frames.ts";
import { CLOSING, OPEN, RECEIVER_STATE, type WebSocketInternals } from "./internals.ts";
import { KeptEvents } from "./keptEvents.ts";
import { LateFrames } from "./lateFrames.ts";
import { observeEventTarget } from "./listeners.ts";
import { type KeepMessage, OpeningMessages } from "./openingMessages.ts";
import {
  type FixedRecord,
  type RequestRecord,
  recordRequest,
  type WebSocketRecord,
} from "./record.ts";
import { SERVICE_RESTART } from "./serviceRestart.ts";

type CloseListener = (this: WebSocketInternals) => void;

/** A WebSocket that changes hands as it is. */
export interface GivenWebSocket extends Pick<KeptEvents, "kept" | "closed"> {
  webSocket: WebSocketInternals;
  record: WebSocketRecord;
  compressed: Buffer[];
}

export interface WebSocketConnectionParts {
  options: AnyCarryOptions;
  carrier: Carrier;
  shape: string;
  ownKeys: ReadonlySet<string | symbol>;
  /** It has gone to another generation's server, in a swap. */
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
  readonly #opening: OpeningMessages | undefined;
  /** Frames so far of a compressed message, as they came. */
  readonly #compressed: Buffer[];
  readonly #heard: KeptEvents;
  /** What `ws` has set, so that what the application sets can be told from it. */
  readonly #ownKeys: ReadonlySet<string | symbol>;
  readonly #onGiven: () => void;
  /** Take away what is watched here. */
  readonly #undo: (() => void)[];
  /** The application's 'connection' listener has what it needs to hear the first message. */
  isAttended = true;
  #isRead = true;
  /** Its record says that this side has begun to close it. */
  #toldOfClose = false;

  /** Before the application has seen it. `given`: of another generation, in a swap. */
  constructor(
    webSocket: WebSocketInternals,
    request: IncomingMessage,
    { options, carrier, shape, ownKeys, onGiven, given }: WebSocketConnectionParts,
  ) {
    this.#onGiven = onGiven;
    this.shape = shape;
    this.#ownKeys = ownKeys;
    this.#compressed = given?.compressed ?? [];
    this.#heard = new KeptEvents(given);
    this.webSocket = webSocket;
    this.socket = webSocket._socket;
    this.#request = request;
    this.#recorded = recordRequest(request);
    this.#options = options;
    const { replay } = options;
    this.#opening = replay && new OpeningMessages(webSocket, replay.keep as KeepMessage);
    this.#carrier = carrier;
    this.#ownCloseListeners = webSocket.listeners("close") as CloseListener[];
    this.inFlight.onIdle = () => carrier.onChange();
    // The last first: a property that was added last goes without making its object slow.
    this.#undo = [
      observeEventTarget(webSocket, this.inFlight),
      this.#heard.observe(this, carrier, this.#opening),
      keepCompressed(webSocket, this.#compressed),
      () => this.#opening?.undo(),
    ].reverse();
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
    return this.#heard.closed !== undefined;
  }

  freeze(): void {
    if (!this.#isRead) return;
    this.#isRead = false;
    // What is being inflated comes out later: a freeze is not to wait for all that zlib has to do.
    this.#heard.isFrozen = true;
    freezeSocket(this.socket);
  }

  freezeForSwap(): void {
    this.#heard.isFrozen = true;
  }

  get isWaitedFor(): boolean {
    return this.#heard.kept.length > 0 || this.hasEnded;
  }

  thaw(): void {
    if (!this.#heard.isFrozen) return;
    this.#isRead = true;
    this.#heard.isFrozen = false;
    for (const [event, parts] of this.#heard.kept.splice(0)) this.webSocket.emit(event, ...parts);
    if (this.#heard.closed) this.webSocket.emit("close", ...this.#heard.closed);
    else thawSocket(this.socket);
  }

  get isIdle(): boolean {
    return this.isAttended && this.inFlight.isIdle;
  }

  /** Frozen, what is half received need not be waited for: nobody has heard of it. */
  holder(): Holder | undefined {
    const isReceiving = !this.#heard.isFrozen && this.#isReceiving;
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
    return (
      this.hasSaid && this.webSocket._sender._firstFragment && this.socket.writableLength === 0
    );
  }

  get hasSaid(): boolean {
    // Not by how many bytes it says to wait: what is sent to one that closes counts there for ever.
    const { _queue, _deflating, _state } = this.webSocket._sender;
    return _queue.length === 0 && !_deflating && (_state ?? 0) === 0;
  }

  goesOnThere(follow: Follow): void {
    followWrites(this.socket, new LateFrames(this.webSocket, follow));
  }

  take(follow?: Follow): Parcel {
    const { socket } = this;
    const frames = this.hasEnded ? NOTHING : this.#frames();
    const since = quietSinceMs(socket);
    this.#heard.isGone = true;
    const kept = keptFrames(this.#heard.kept.splice(0));
    if (this.hasEnded) {
      this.#tidy();
      const head = joined([kept, this.#closeFrame()]);
      return { handle: undefined, head, quietSinceMs: since };
    }
    const unread = socket.readableLength > 0 ? takeUnread(socket) : NOTHING;
    const head = joined([kept, frames, unread, this.#closeFrame()]);
    const closeSent = this.webSocket._closeFrameSent && !this.#toldOfClose;
    const rest = { head, quietSinceMs: since, ...(closeSent ? { closeSent } : {}) };
    if (follow) {
      const late = new LateFrames(this.webSocket, follow);
      return { handle: leaveBehind(socket, late), ...rest };
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

  /**
   * A router makes an object of its own for each time that one opens, by which the application knows it: of the
   * one before it hears that it is over.
   */
  tellClosed(): void {
    const listeners = this.webSocket.listeners("close") as CloseListener[];
    for (const listener of listeners) {
      if (this.#ownCloseListeners.includes(listener)) continue;
      Reflect.apply(listener, this.webSocket, [SERVICE_RESTART, NOTHING]);
    }
  }

  /** Its handle has come. */
  attached(): void {
    if (!this.#isRead) freezeSocket(this.socket);
  }

  /** In a swap: lets go of it as it is. Throws, with nothing changed, when `save` does. */
  give(): GivenWebSocket {
    const { webSocket } = this;
    const record = { ...this.#agreed(), ...this.changes() };
    for (const undo of this.#undo) undo();
    this.#tidy();
    webSocket.removeAllListeners();
    for (const key of Reflect.ownKeys(webSocket)) {
      if (this.#ownKeys.has(key) || String(key).startsWith("_")) continue;
      delete (webSocket as unknown as Record<string | symbol, unknown>)[key];
    }
    this.#onGiven();
    const [kept, closed, compressed] = [this.#heard.kept, this.#heard.closed, this.#compressed];
    return { webSocket, record, kept, closed, compressed };
  }

  /** In the middle of a chunk of bytes: inflating, or between two of its messages. */
  get #isReceiving(): boolean {
    const receiver = this.webSocket._receiver;
    if (this.webSocket._closeFrameReceived || receiver.errored) return false;
    return receiver.writableLength > 0 || receiver._state > RECEIVER_STATE.data;
  }

  get isIntroducible(): boolean {
    const { readyState } = this.webSocket;
    return this.isMovable && readyState === OPEN && handleOf(this.socket) !== null;
  }

  fixed(): FixedRecord {
    return { ...this.#agreed(), names: namesOf(handleOf(this.socket)) };
  }

  /** Without what only another process has to be told. */
  #agreed(): FixedRecord {
    const { webSocket } = this;
    const deflate = webSocket._extensions["permessage-deflate"];
    return {
      ...this.#recorded,
      protocol: webSocket.protocol,
      deflate: deflate?.params ? { ...deflate.params } : null,
    };
  }

  changes(): Omit<WebSocketRecord, keyof FixedRecord> {
    const { webSocket } = this;
    const closeSent = webSocket._closeFrameSent;
    this.#toldOfClose = closeSent;
    const saved = saveConnection(this.#options, webSocket, this.#request);
    const opening = this.#opening?.record();
    return { closeSent, saved, ...defined({ opening }) };
  }

  /** Its session has been opened, and is to be once more. */
  get hasOpening(): boolean {
    return this.#opening !== undefined && !this.#opening.isEmpty;
  }

  /** By what the client opened its session in an earlier version: heard before all else. */
  async hearAgain(opening: readonly OpeningMessage[]): Promise<void> {
    this.isAttended = false;
    const messages = this.#opening ?? new OpeningMessages(this.webSocket, () => false);
    await messages.hearAgain(opening);
    if (messages !== this.#opening) messages.undo();
    this.isAttended = true;
    this.#carrier.onChange();
  }

  #frames(): Buffer {
    if (this.webSocket._closeFrameReceived) return NOTHING;
    return pendingFrames(this.webSocket._receiver, this.#compressed);
  }

  #closeFrame(): Buffer {
    const { _closeFrameReceived, _closeCode, _closeMessage } = this.webSocket;
    return _closeFrameReceived ? closeFrame(_closeCode, _closeMessage) : NOTHING;
  }

  #tidy(): void {
    for (const listener of this.#ownCloseListeners) listener.call(this.webSocket);
  }
}
