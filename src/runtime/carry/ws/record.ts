/** What travels of a WebSocket besides its handle and its bytes; and the request that began it. */
import type { IncomingMessage } from "node:http";
import { completeRequest } from "../../node/http.ts";
import type { SocketInternals } from "../../node/internals.ts";
import type { SocketNames } from "../../node/pending.ts";
import type { OpeningMessage } from "../opening.ts";
import type { DeflateParameters } from "./internals.ts";

export interface RequestRecord {
  url: string;
  httpVersion: string;
  rawHeaders: string[];
}

/** What was agreed at its beginning. */
export interface FixedRecord extends RequestRecord {
  protocol: string;
  /** As agreed; null: no compression. */
  deflate: DeflateParameters | null;
  names?: SocketNames;
}

/** `ConnectionMeta.data` of kind "websocket". */
export interface WebSocketRecord extends FixedRecord {
  /** This side has begun to close: it sends no further frame. */
  closeSent: boolean;
  /** What the application's `save` returned. */
  saved: unknown;
  /** What the client began with: see opening.ts. */
  opening?: OpeningMessage[];
}

export const recordRequest = (request: IncomingMessage): RequestRecord => ({
  url: request.url ?? "/",
  httpVersion: request.httpVersion,
  rawHeaders: request.rawHeaders,
});

let http: typeof import("node:http") | undefined;

/** The upgrade request, as the first generation saw it. */
export function requestFrom(record: RequestRecord, socket: SocketInternals): IncomingMessage {
  // Not imported: the ES module of node:http also loads what few applications use (14 MB in Node 24).
  http ??= process.getBuiltinModule("node:http");
  const request = new http.IncomingMessage(socket);
  const [major, minor] = record.httpVersion.split(".").map(Number);
  request.method = "GET";
  request.url = record.url;
  request.httpVersion = record.httpVersion;
  request.httpVersionMajor = major ?? 1;
  request.httpVersionMinor = minor ?? 1;
  completeRequest(request, record.rawHeaders);
  return request;
}
