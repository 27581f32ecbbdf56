/**
 * In place of a WebSocket that the new code has, in the old server's `clients`: a request that the
 * old code still has to answer sends to it, and counts it. Nothing else of the old code reaches it:
 * its heartbeat would end connections that are alive.
 *
 * A proxy, not an object that inherits: V8 takes whatever becomes a prototype apart, and each of
 * thousands of WebSockets would be slow from then on, for the new code too.
 */
import type { WebSocketInternals } from "./internals.ts";

const IDLE = ["ping", "pong", "terminate", "pause", "resume"];
const LISTENING = [
  "on",
  "once",
  "off",
  "addListener",
  "prependListener",
  "removeListener",
  "removeAllListeners",
  "addEventListener",
  "removeEventListener",
];
const SENDING = ["send", "close"] as const;

type Method = (this: WebSocketInternals, ...parts: unknown[]) => unknown;

/** Makes the stand-ins of one server. `isAsked`: the old code has a request under way. */
export function standIns(
  isAsked: () => boolean,
): (webSocket: WebSocketInternals) => WebSocketInternals {
  /** By the stand-in, and by what the old code has put on it since: the proxy's own target. */
  const real = new WeakMap<object, WebSocketInternals>();
  const methods: Record<PropertyKey, Method> = Object.create(null);
  for (const name of IDLE) methods[name] = () => {};
  for (const name of LISTENING) {
    methods[name] = function () {
      return this;
    };
  }
  for (const name of SENDING) {
    methods[name] = function (...parts) {
      const webSocket = real.get(this)!;
      if (isAsked()) Reflect.apply(webSocket[name], webSocket, parts);
      else if (typeof parts.at(-1) === "function") process.nextTick(parts.at(-1) as () => void);
    };
  }
  const handler: ProxyHandler<Record<PropertyKey, unknown>> = {
    get: (own, key) =>
      Object.hasOwn(own, key) ? own[key] : (methods[key] ?? Reflect.get(real.get(own)!, key)),
    has: (own, key) => Object.hasOwn(own, key) || key in real.get(own)!,
    getPrototypeOf: (own) => Object.getPrototypeOf(real.get(own)),
  };
  return (webSocket) => {
    const own = Object.create(null) as Record<PropertyKey, unknown>;
    const standIn = new Proxy(own, handler) as unknown as WebSocketInternals;
    real.set(own, webSocket).set(standIn, webSocket);
    return standIn;
  };
}
