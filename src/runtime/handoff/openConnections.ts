/** What is open in a generation: as Node's servers know it, and as their sockets tell. Asks only. */

import type { ServerResponse } from "node:http";
import type { ListenKey } from "../../protocol/listenKey.ts";
import type { Listeners } from "../listen/listeners.ts";
import type { Listening } from "../listen/listening.ts";
import { openConnections, responseOf, serverOf, transportOf } from "../node/fields.ts";
import { connectionsOf, type ServerInternals, type SocketInternals } from "../node/internals.ts";
import type { Carriers } from "./carriers.ts";
import type { Http2Sessions } from "./http2.ts";
import { otherSockets } from "./otherSockets.ts";

/** Of a registered connection whose server has stopped listening: nobody needs it there. */
const UNKNOWN_KEY: ListenKey = { family: "fd", address: null, port: -1, ordinal: 0 };

export class OpenConnections {
  readonly #listeners: Listeners;
  readonly #carriers: Carriers;
  readonly #http2: ReadonlyMap<object, Http2Sessions>;

  constructor(listeners: Listeners, carriers: Carriers, http2: ReadonlyMap<object, Http2Sessions>) {
    this.#listeners = listeners;
    this.#carriers = carriers;
    this.#http2 = http2;
  }

  get servers(): Set<ServerInternals> {
    return new Set(this.#listeners.all.flatMap(serversOf));
  }

  keyOf(socket: SocketInternals): ListenKey {
    const server = serverOf(socket);
    const listening = this.#listeners.all.find(
      (it) => it.server === server || it.route.former.has(server as ServerInternals),
    );
    return listening?.key ?? UNKNOWN_KEY;
  }

  /** Of whatever kind. */
  get size(): number {
    return new Set([...this.#http.map(({ socket }) => socket), ...this.others()]).size;
  }

  /** Upgraded, and plain TCP. */
  others(): SocketInternals[] {
    return otherSockets(this.servers);
  }

  /** Neither HTTP nor registered. Sockets are only looked through if there are any. */
  unregistered(): SocketInternals[] {
    if (this.known === this.accepted) return [];
    const isHttp2 = (socket: SocketInternals) => this.#http2.has(serverOf(socket)!);
    return this.others().filter((socket) => !this.#carriers.owns(socket) && !isHttp2(socket));
  }

  /** Those that need not be looked for. */
  get known(): number {
    const http2 = [...this.#http2.values()].reduce((sum, { size }) => sum + size, 0);
    return this.#http.length + http2 + this.#carriers.size;
  }

  /** As the servers count them. */
  get accepted(): number {
    return [...this.servers].reduce((sum, server) => sum + openConnections(server), 0);
  }

  /** Sockets that carry a TLS connection which speaks HTTP: no connections of their own. */
  beneathTls(): Set<SocketInternals | undefined> {
    return new Set(this.#http.map(({ socket }) => (socket ? transportOf(socket) : undefined)));
  }

  /** Under way. `gated`: of the connections behind a gate, those that the application has seen. */
  responses(gated: ReadonlyMap<unknown, ServerResponse | null | undefined>): ServerResponse[] {
    return this.#http
      .map(({ socket }) => {
        if (socket === null) return undefined;
        return gated.has(socket) ? gated.get(socket) : responseOf(socket);
      })
      .filter((response) => response !== undefined && response !== null);
  }

  get #http() {
    return [...this.servers].flatMap((server) => connectionsOf(server)?.all() ?? []);
  }
}

/** Those of older generations in this process too, as far as they have connections. */
export const serversOf = ({ server, route }: Listening): ServerInternals[] =>
  route.server === server ? [server, ...route.former] : [server];
