/** All WebSockets of a registered server: of each that it makes there is a connection of ours. */
import type { IncomingMessage } from "node:http";
import type { RegisteredServer } from "../../../hot/registrations.ts";
import type { WebSocketServerLike } from "../../../hot/types.ts";
import type { Carrier } from "../carrier.ts";
import { emitAndCollect } from "../inFlight.ts";
import { whenAttended } from "./attended.ts";
import { agreeOnNoContext } from "./compression.ts";
import type { GivenWebSocket, MakeConnection, WebSocketConnection } from "./connection.ts";
import type { WebSocketInternals, WebSocketServerInternals } from "./internals.ts";
import { shapeOf } from "./joining.ts";
import type { Router } from "./router.ts";
import { standIns } from "./standIn.ts";

interface Given {
  make: MakeConnection;
  router: Router;
  isAnswering: () => boolean;
}

export class TrackedWebSockets {
  readonly #server: WebSocketServerInternals;
  readonly #options: RegisteredServer<WebSocketServerLike>["options"];
  readonly #carrier: Carrier;
  readonly #make: MakeConnection;
  readonly #known = new WeakMap<object, WebSocketConnection>();
  /** What `ws` sets on each of its WebSockets. */
  #ownKeys: ReadonlySet<string | symbol> | undefined;
  readonly #standIn: ReturnType<typeof standIns>;
  /** By which options the server makes them. */
  readonly shape: string;
  /** One is made for a client that has been greeted long ago: nobody hears of its headers. */
  isReplaying = false;
  /** Nobody is to know yet of one that is made. */
  isPreparing = false;

  constructor(
    server: WebSocketServerInternals,
    options: RegisteredServer<WebSocketServerLike>["options"],
    carrier: Carrier,
    { make, router, isAnswering }: Given,
  ) {
    this.#server = server;
    this.#options = options;
    this.#carrier = carrier;
    this.#make = make;
    this.#standIn = standIns(isAnswering);
    agreeOnNoContext(server);
    this.shape = shapeOf(server);
    this.#observeUpgrades(router);
    this.#observeConnections();
  }

  of(webSocket: WebSocketInternals): WebSocketConnection | undefined {
    return this.#known.get(webSocket);
  }

  /** Every way to use a server ends here: its own port, `server`, and `noServer` alike. */
  #observeUpgrades(router: Router): void {
    const { handleUpgrade } = this.#server;
    this.#server.handleUpgrade = (request, socket, head, callback) => {
      if (router.handOver(socket, callback)) return;
      handleUpgrade.call(this.#server, request, socket, head, (webSocket, seen) => {
        this.track(webSocket, request);
        callback(webSocket, seen);
      });
    };
  }

  /** 'connection' listeners may be async: the connection stays until they are done with it. */
  #observeConnections(): void {
    const server = this.#server;
    const { emit } = server;
    server.emit = ((event: string, ...parts: unknown[]) => {
      if (event === "headers" && this.isReplaying) return true;
      if (event !== "connection") return Reflect.apply(emit, server, [event, ...parts]);
      const [webSocket, request] = parts as [WebSocketInternals, IncomingMessage];
      const connection = this.#known.get(webSocket) ?? this.track(webSocket, request);
      const pending = emitAndCollect(server, event, parts);
      if (connection && pending) whenAttended(connection, pending, () => {});
      return true;
    }) as typeof emit;
  }

  track(
    webSocket: WebSocketInternals,
    request: IncomingMessage,
    given?: GivenWebSocket,
  ): WebSocketConnection | undefined {
    // Something else than a WebSocket of `ws` is the application's own business.
    if (!webSocket?._socket || !webSocket._receiver || !request?.rawHeaders) return undefined;
    this.#ownKeys ??= new Set(Reflect.ownKeys(webSocket));
    const connection = this.#make(webSocket, request, {
      options: this.#options,
      carrier: this.#carrier,
      shape: this.shape,
      ownKeys: this.#ownKeys,
      onGiven: () => this.#standInFor(webSocket),
      given,
    });
    this.#known.set(webSocket, connection);
    if (!this.isPreparing) this.#carrier.add(connection);
    return connection;
  }

  #standInFor(webSocket: WebSocketInternals): void {
    const { clients } = this.#server;
    if (clients === undefined) return;
    const standIn = this.#standIn(webSocket);
    clients.add(standIn);
    this.#carrier.leaveBehind({ forget: () => clients.delete(standIn) });
  }
}
