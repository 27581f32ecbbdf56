/**
 * Builds a WebSocket on a carried socket by running the server's own `handleUpgrade` again, on the
 * original request, with what was agreed then forced and nothing sent. So `ws` itself, of whatever
 * version, sets up all that belongs to it: options, `clients`, timers, compression.
 */
import type { IncomingMessage } from "node:http";
import { defined } from "../../../contract/checks.ts";
import type { SocketInternals } from "../../node/internals.ts";
import { override } from "../override.ts";
import type {
  DeflateParameters,
  WebSocketInternals,
  WebSocketServerInternals,
} from "./internals.ts";
import type { FixedRecord } from "./record.ts";

/** What was read before follows with the handle. */
const NO_HEAD = Buffer.alloc(0);

/** `own`: made anew instead of another object. Undefined: the server takes no connection any more. */
export function replayUpgrade(
  server: WebSocketServerInternals,
  socket: SocketInternals,
  request: IncomingMessage,
  record: FixedRecord,
  own?: WebSocketInternals,
): WebSocketInternals | undefined {
  let webSocket: WebSocketInternals | undefined;
  const restore = [
    override(server, "options", optionsFor(server.options, record, own)),
    override(server, "shouldHandle", () => true),
    override(socket, "write", () => true),
    override(socket, "end", () => socket),
  ];
  try {
    server.handleUpgrade(handshake(request, record), socket, NO_HEAD, (made) => {
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
  own: WebSocketInternals | undefined,
): Record<string, unknown> {
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
    ...defined({ WebSocket: own && makeAnew(own, options.WebSocket as WebSocketClass) }),
  };
}

type WebSocketClass = new (...parts: unknown[]) => WebSocketInternals;

/** The same object, with nothing in it but what a new one has. */
function makeAnew(own: WebSocketInternals, WebSocket: WebSocketClass): WebSocketClass {
  const fields = own as unknown as Record<PropertyKey, unknown>;
  const construct = (_target: WebSocketClass, parts: unknown[]) => {
    for (const key of Reflect.ownKeys(own)) delete fields[key];
    return Object.assign(own, new WebSocket(...parts));
  };
  return new Proxy(WebSocket, { construct });
}
