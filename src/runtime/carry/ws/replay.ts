/**
 * Builds a WebSocket on a carried socket by running the server's own `handleUpgrade` again, on the
 * original request, with what was agreed then forced and nothing sent. So `ws` itself, of whatever
 * version, sets up all that belongs to it: options, `clients`, timers, compression.
 */
import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import { defined } from "../../../contract/checks.ts";
import type { SocketInternals } from "../../node/internals.ts";
import { NOTHING } from "../../node/unread.ts";
import { override } from "../override.ts";
import type {
  DeflateParameters,
  WebSocketInternals,
  WebSocketServerInternals,
} from "./internals.ts";
import type { FixedRecord } from "./record.ts";

/** What was read before follows with the handle. */

/** `own`: made anew instead of another object. Undefined: the server takes no connection any more. */
export function replayUpgrade(
  server: WebSocketServerInternals,
  socket: SocketInternals,
  request: IncomingMessage,
  record: FixedRecord,
  own?: WebSocketInternals,
): WebSocketInternals | undefined {
  let webSocket: WebSocketInternals | undefined;
  const base = own && baseOf(own);
  const restore = [
    ...(own && base ? [makesAnew(own, base)] : []),
    override(server, "options", optionsFor(server.options, record, base)),
    override(server, "shouldHandle", () => true),
    override(socket, "write", () => true),
    override(socket, "end", () => socket),
  ];
  try {
    server.handleUpgrade(handshake(request, record), socket, NOTHING, (made) => {
      webSocket = made;
    });
  } finally {
    for (const undo of restore) undo();
  }
  return webSocket;
}

/**
 * A connection on which this side has sent its close frame: `ws` is brought to that point by
 * closing it again, and nothing more is ever written.
 */
export function closeAgain(webSocket: WebSocketInternals, socket: SocketInternals): void {
  override(socket, "write", ((_chunk: unknown, ...rest: unknown[]) => {
    const callback = rest.findLast((part) => typeof part === "function");
    if (callback) process.nextTick(callback as () => void);
    return true;
  }) as never);
  webSocket.close();
}

/** The agreed extension stands in place of what the client offered. */
function handshake(request: IncomingMessage, { deflate }: FixedRecord): IncomingMessage {
  const { "sec-websocket-extensions": _offered, ...headers } = request.headers;
  const agreed = deflate ? { "sec-websocket-extensions": headerOf(deflate) } : {};
  return Object.create(request, { headers: { value: { ...headers, ...agreed } } });
}

const headerOf = (parameters: DeflateParameters): string =>
  ["permessage-deflate"]
    .concat(
      Object.entries(parameters).map(([name, value]) =>
        value === true ? name : `${name}=${value}`,
      ),
    )
    .join("; ");

function optionsFor(
  options: Record<string, unknown>,
  { protocol, deflate }: FixedRecord,
  base: WebSocketClass | undefined,
): Record<string, unknown> {
  const asked = options.WebSocket as WebSocketClass | undefined;
  const WebSocket = base && asked && asked !== base ? withFieldsOf(asked, base) : undefined;
  const compression = {
    ...(options.perMessageDeflate as object | undefined),
    serverNoContextTakeover: undefined,
    clientNoContextTakeover: undefined,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  };
  return {
    ...options,
    // It was verified when it came.
    verifyClient: null,
    handleProtocols: () => protocol,
    perMessageDeflate: deflate ? compression : false,
    ...defined({ WebSocket }),
  };
}

type WebSocketClass = new (...parts: unknown[]) => WebSocketInternals;

/** The class of `ws` itself: what it calls `super` of is Node's. */
function baseOf(own: WebSocketInternals): WebSocketClass | undefined {
  let found: object | null = own.constructor;
  while (found !== null && Object.getPrototypeOf(found) !== EventEmitter) {
    found = Object.getPrototypeOf(found);
  }
  return (found as WebSocketClass | null) ?? undefined;
}

/**
 * While this holds, `ws` makes the same object anew, with nothing in it but what a new one has: its own
 * constructor runs on it. To copy from another one would not do, since functions that a constructor
 * makes (of 8.22: that an automatic pong has gone out) mean the object that it made.
 */
function makesAnew(own: WebSocketInternals, base: WebSocketClass): () => void {
  const fields = own as unknown as Record<PropertyKey, unknown>;
  const emptied = function (this: unknown, ...parts: unknown[]) {
    if ((new.target as unknown) !== base) return Reflect.construct(EventEmitter, parts, new.target);
    for (const key of Reflect.ownKeys(own)) delete fields[key];
    Reflect.apply(EventEmitter, own, parts);
    return own;
  };
  Object.setPrototypeOf(base, emptied);
  return () => Object.setPrototypeOf(base, EventEmitter);
}

/** An application's own class: its constructor runs for another object, and what it adds is taken over. */
function withFieldsOf(WebSocket: WebSocketClass, base: WebSocketClass): WebSocketClass {
  const construct = (_target: WebSocketClass, parts: unknown[]) => {
    const made = new WebSocket(...parts);
    const own = new base(...parts);
    const added = Object.entries(made).filter(([key]) => !Object.hasOwn(own, key));
    return Object.assign(own, Object.fromEntries(added));
  };
  return new Proxy(WebSocket, { construct });
}
