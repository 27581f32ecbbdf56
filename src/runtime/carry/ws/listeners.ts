/**
 * `ws.onmessage = …` and `ws.addEventListener("message", …)`: `ws` wraps such a handler and drops
 * what it returns. Here the handler is wrapped once more, below that, and `ws` is left to believe
 * that it has the application's own function (for `removeEventListener` and the `onmessage` getter).
 */

import type { InFlight } from "../inFlight.ts";
import { override } from "../override.ts";
import type { WebSocketInternals } from "./internals.ts";

type Handler = ((event: unknown) => unknown) | { handleEvent(event: unknown): unknown };

/** Returns what undoes it. */
export function observeEventTarget(webSocket: WebSocketInternals, inFlight: InFlight): () => void {
  const original = webSocket.addEventListener;
  return override(
    webSocket,
    "addEventListener",
    function (this: WebSocketInternals, type, handler, options = {}) {
      if (type !== "message" || !isHandler(handler)) {
        return original.call(this, type, handler, options);
      }
      const byAttribute = Object.getOwnPropertySymbols(options).length > 0;
      if (!byAttribute && this.rawListeners(type).some((it) => wraps(it, handler))) return;
      const observed = function (this: unknown, event: unknown) {
        inFlight.note(callHandler(handler, this, event), webSocket);
      };
      original.call(this, type, observed, options);
      for (const listener of this.listeners(type)) replaceProperty(listener, observed, handler);
    },
  );
}

const isHandler = (handler: unknown): handler is Handler =>
  typeof handler === "function" ||
  (typeof handler === "object" && handler !== null && "handleEvent" in handler);

const callHandler = (handler: Handler, self: unknown, event: unknown): unknown =>
  typeof handler === "function" ? handler.call(self, event) : handler.handleEvent(event);

/** Added by `addEventListener`, not by an `on…` attribute. */
function wraps(listener: object, handler: Handler): boolean {
  const values = Object.getOwnPropertySymbols(listener).map(
    (symbol) => (listener as Record<symbol, unknown>)[symbol],
  );
  return values.includes(handler) && !values.includes(true);
}

function replaceProperty(listener: object, from: unknown, to: unknown): void {
  const fields = listener as Record<symbol, unknown>;
  for (const symbol of Object.getOwnPropertySymbols(listener)) {
    if (fields[symbol] === from) fields[symbol] = to;
  }
}
