/**
 * What this folder uses of the `ws` package beyond its documented API, in one place. These names
 * are the same in every release from 8.0.0 to 8.23.0 (test/contract/websockets*.test.ts runs over
 * several of them). They are only ever *read*: the receiving side builds its WebSocket by replaying
 * the handshake and the bytes, so that the two sides may have different versions of `ws`.
 */

import type { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { EmitterInternals } from "../../node/events.ts";
import type { SocketInternals } from "../../node/internals.ts";

export type DeflateParameters = Record<string, number | true>;

/** The negotiated permessage-deflate of one connection. */
export interface DeflateInternals {
  params: DeflateParameters | null;
  decompress(data: Buffer, fin: boolean, callback: (...parts: unknown[]) => void): void;
}

/** States of the receiver's parser in which it waits for bytes. */
export const RECEIVER_STATE = {
  info: 0,
  length16: 1,
  length64: 2,
  mask: 3,
  data: 4,
} as const;

export interface ReceiverInternals extends EventEmitter {
  readonly writableLength: number;
  readonly errored?: Error | null;
  _state: number;
  _fin: boolean;
  _opcode: number;
  _payloadLength: number;
  _compressed: boolean;
  /** The opcode of a message of which at least one frame has begun and the last has not ended. */
  _fragmented: number;
  _mask: Buffer | undefined;
  _buffers: Buffer[];
  /** Payloads of the frames so far, decompressed. */
  _fragments: Buffer[];
}

export interface SenderInternals {
  _queue: unknown[];
  /** False in the middle of an outgoing fragmented message. */
  _firstFragment: boolean;
  /** Up to 8.17. */
  _deflating?: boolean;
  /** From 8.18: 0 is "nothing under way". */
  _state?: number;
}

type AddEventListener = (type: string, handler: unknown, options?: object) => void;

export interface WebSocketInternals extends EmitterInternals {
  readonly readyState: number;
  readonly protocol: string;
  readonly isPaused?: boolean;
  binaryType: string;
  _socket: SocketInternals;
  _receiver: ReceiverInternals;
  _sender: SenderInternals;
  _extensions: { "permessage-deflate"?: DeflateInternals };
  _closeFrameReceived: boolean;
  _closeFrameSent: boolean;
  _closeCode: number;
  _closeMessage: Buffer;
  addEventListener: AddEventListener;
  close(code?: number, reason?: string): void;
  resume(): void;
  send(data: unknown, ...rest: unknown[]): void;
  terminate(): void;
}

export const OPEN = 1;
export const CLOSING = 2;

export type UpgradeCallback = (webSocket: WebSocketInternals, request: IncomingMessage) => void;

export type HandleUpgrade = (
  request: IncomingMessage,
  socket: SocketInternals,
  head: Buffer,
  callback: UpgradeCallback,
) => void;

export interface WebSocketServerInternals extends EmitterInternals {
  options: Record<string, unknown>;
  clients?: Set<WebSocketInternals>;
  _state?: number;
  /** It was closed, and says so when its last client has gone. */
  _shouldEmitClose?: boolean;
  handleUpgrade: HandleUpgrade;
  shouldHandle(request: IncomingMessage): boolean;
}
