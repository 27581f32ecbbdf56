/**
 * In place of a WebSocket that the new code has, in the old server's `clients`: a request that the
 * old code still has to answer sends to it, and counts it. Nothing else of the old code reaches it:
 * its heartbeat would end connections that are alive.
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

/** `isAsked`: the old code has a request under way. */
export function standInFor(
  webSocket: WebSocketInternals,
  isAsked: () => boolean,
): WebSocketInternals {
  const standIn = Object.create(webSocket) as Record<string, unknown>;
  for (const name of IDLE) standIn[name] = () => {};
  for (const name of LISTENING) standIn[name] = () => standIn;
  for (const name of ["send", "close"] as const) {
    standIn[name] = (...parts: unknown[]) => {
      if (isAsked()) Reflect.apply(webSocket[name], webSocket, parts);
      else if (typeof parts.at(-1) === "function") process.nextTick(parts.at(-1) as () => void);
    };
  }
  return standIn as unknown as WebSocketInternals;
}
