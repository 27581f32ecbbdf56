/** What Node's HTTP does beyond its documentation. */
import type { EventEmitter } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Session, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { SocketInternals } from "./internals.ts";
import { hiddenIn } from "./symbols.ts";

/** The head as it was sent; empty before. */
export const sentHead = (response: ServerResponse): string =>
  (response as { _header?: string | null })._header ?? "";

/**
 * Of one that its connection still has: its head is not sent yet, or it has ended in this very turn of
 * the event loop, since 'finish' comes in the next one.
 */
export const isAtWork = (response: ServerResponse): boolean =>
  !response.headersSent || response.writableFinished;

/** Node has sent "100 Continue" by itself. */
export const wasContinued = (response: unknown): boolean =>
  (response as { _sent100?: boolean })._sent100 === true;

interface RequestInternals {
  /** `highWaterMark`: how much of its body is taken in before somebody reads it. Both may be set. */
  _readableState: { highWaterMark: number; ended: boolean };
  _addHeaderLines(rawHeaders: readonly string[], count: number): void;
}

export const readableState = (request: IncomingMessage): RequestInternals["_readableState"] =>
  (request as unknown as RequestInternals)._readableState;

/**
 * As its parser leaves a request that has no body: `headers` are put together when they are asked
 * for, and nobody is told of an end that nobody reads. Thousands are made within a freeze.
 */
export function completeRequest(request: IncomingMessage, rawHeaders: readonly string[]): void {
  (request as unknown as RequestInternals)._addHeaderLines(rawHeaders, rawHeaders.length);
  request.complete = true;
  readableState(request).ended = true;
}

/** Node looks for requests that take too long by an interval that holds the server. */
export function stopChecking(server: object): void {
  const interval = "http.server.connectionsCheckingInterval";
  clearInterval(hiddenIn<NodeJS.Timeout>(server, interval));
}

/** Node keeps a session's streams in its private state. */
export function streamsOf(session: Http2Session): ServerHttp2Stream[] {
  const state = hiddenIn<{ streams?: Map<number, ServerHttp2Stream> }>(session, "state");
  return [...(state?.streams?.values() ?? [])];
}

type TakeConnection = (socket: Socket) => void;
let takeConnection: TakeConnection | undefined;

/** What Node itself does with a connection of an HTTP server. */
export function nodesOwnTaking(): TakeConnection {
  takeConnection ??= new (process.getBuiltinModule("node:http").Server)()
    .listeners("connection")
    .at(0) as TakeConnection;
  return takeConnection;
}

/** False: the application has put something in between, such as a reader of PROXY lines. */
export const takesConnections = (server: EventEmitter): boolean =>
  server.listeners("connection").includes(nodesOwnTaking());

/** Each response of this connection from here on is its last. */
export function answerLast({ parser }: SocketInternals): void {
  if (!parser) return;
  const { onIncoming } = parser;
  parser.onIncoming = (request) => onIncoming.call(parser, request, false);
}

/** It is asked without TLS, and has somebody to answer: by what it is, since `node:http` is loaded only by those who serve it. */
export function answersPlainHttp(server: EventEmitter): boolean {
  const isHttp = "requestTimeout" in server && "maxHeadersCount" in server;
  return isHttp && !("addContext" in server) && server.listenerCount("request") > 0;
}
