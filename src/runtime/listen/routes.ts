/**
 * Servers of several generations behind one listening socket. New connections go to the server of
 * the generation that serves. Connections that an older server has accepted stay with it, TLS and
 * HTTP/2 included; what they say is dispatched to the one that serves:
 *
 *   listening socket ──────────────────────────────► server of generation 3
 *   a connection of generation 1 ──► its server ──emit──►  ↑
 *   a connection of generation 2 ──► its server ──emit──►  ↑
 *
 * Nothing is done per connection, so a takeover takes as long with one as with many.
 */
import type { EventEmitter } from "node:events";
import { CONNECTION_ENDED, openConnections } from "../node/fields.ts";
import { stopChecking } from "../node/http.ts";
import type { ServerInternals } from "../node/internals.ts";

export interface Route {
  /** Serves. */
  server: ServerInternals;
  /** Retired, and with connections of their own. */
  readonly former: Set<ServerInternals>;
}

export const routeTo = (server: ServerInternals): Route => ({ server, former: new Set() });

/** Events of the server object itself; all others are about a connection. */
const OWN_EVENTS = new Set<string | symbol>([
  "listening",
  "close",
  "error",
  "newListener",
  "removeListener",
]);

const OVERRIDDEN = [
  "emit",
  "listenerCount",
  "close",
  "closeIdleConnections",
  "closeAllConnections",
  CONNECTION_ENDED,
] as const;

type Overridden = Record<(typeof OVERRIDDEN)[number], unknown>;

/** What was there of these before, as own properties. */
const before = new WeakMap<object, PropertyDescriptorMap>();

/** From here on it only passes on. The application may close it: its connections stay open. */
export function retire(server: ServerInternals, route: Route): void {
  if (route.former.has(server) || server === route.server) return;
  route.former.add(server);
  const own = Object.getOwnPropertyDescriptors(server) as PropertyDescriptorMap;
  before.set(
    server,
    Object.fromEntries(OVERRIDDEN.filter((it) => it in own).map((it) => [it, own[it]!])),
  );
  const { emit } = server;
  const overrides: Overridden = {
    emit: (event: string | symbol, ...parts: unknown[]) =>
      OWN_EVENTS.has(event)
        ? Reflect.apply(emit, server, [event, ...parts])
        : route.server.emit(event, ...parts),
    listenerCount: (...parts: Parameters<EventEmitter["listenerCount"]>) =>
      route.server.listenerCount(...parts),
    close: (callback?: () => void) => {
      process.nextTick(() => {
        callback?.();
        server.emit("close");
      });
      return server;
    },
    closeIdleConnections: () => {},
    closeAllConnections: () => {},
    [CONNECTION_ENDED]: () => {},
  };
  Object.assign(server, overrides);
}

/** Back to what it was: for a hand-back. */
export function revive(server: ServerInternals, route: Route): void {
  if (!route.former.delete(server)) return;
  for (const name of OVERRIDDEN) delete (server as Partial<Overridden>)[name];
  Object.defineProperties(server, before.get(server) ?? {});
}

/**
 * Its generation is gone for good: nothing of the application hangs on it any more, and it goes
 * itself when its last connection does.
 */
export function dismantle(server: ServerInternals, route: Route): void {
  server.removeAllListeners();
  const finish = () => {
    if (openConnections(server) > 0) return;
    route.former.delete(server);
    stopChecking(server);
  };
  (server as Partial<Overridden>)[CONNECTION_ENDED] = finish;
  finish();
}
