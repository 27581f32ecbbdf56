/**
 * The connections of a generation that is being left: held still for a freeze, sent to the next
 * generation, or brought to their end here.
 */
import type { Server } from "node:http";
import type { HotRegistry } from "../../hot/registry.ts";
import type { ConnectionMeta, Holder, ListenKey, WorkerReplies } from "../../protocol/worker.ts";
import type { SupervisorChannel } from "../worker/channel.ts";
import type { Listeners } from "../worker/listeners.ts";
import type { Listening } from "../worker/listening.ts";
import {
  connectionsOf,
  type HttpServerInternals,
  type SocketInternals,
} from "../worker/node-internals.ts";
import { Ages } from "./ages.ts";
import type { Carrier } from "./carrier.ts";
import { HttpGate } from "./http-gate.ts";
import { otherSockets } from "./other-sockets.ts";
import { quietSinceMs, resumeReading, stopReading, takeHandle } from "./quiet.ts";
import { TcpSockets } from "./tcp.ts";
import { WebSockets } from "./websockets.ts";

/** Event streams are ended over this long: their clients come back at once, but not all at once. */
const SPREAD_MS = 2_000;
/** WebSocket close code: the service restarts, come back. */
const RESTART_CODE = 1012;
const CHECK_MS = 20;
const FREE_CHECK_MS = 5;

export interface OutgoingParts {
  channel: SupervisorChannel;
  listeners: Listeners;
  registry: HotRegistry;
}

export class Outgoing {
  readonly #parts: OutgoingParts;
  readonly ages: Ages;
  #gates: { gate: HttpGate; listening: Listening }[] = [];
  /** Registered WebSocket and TCP servers. */
  readonly #carriers: Carrier[] = [];
  #closed = false;
  /** Neither HTTP nor registered; not read while frozen. */
  #stilled: SocketInternals[] = [];
  #releasing = false;
  #follow: NodeJS.Timeout | undefined;
  #carried = 0;
  #sending = new Set<Promise<void>>();

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
    const { registry } = parts;
    registry.onWebsockets = ({ server, options }, index) =>
      this.#carriers.push(new WebSockets(server, options, index));
    registry.onSockets = ({ server, options }, index) =>
      this.#carriers.push(new TcpSockets(server, options, index));
    this.ages = new Ages(() => parts.listeners.all.map(({ server }) => server));
  }

  /** From here on no request reaches the application. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const carrier of this.#carriers) carrier.close();
    this.#gates = this.#parts.listeners.all
      .filter(({ server }) => connectionsOf(server) !== undefined)
      .map((listening) => ({
        listening,
        gate: new HttpGate(listening.server as HttpServerInternals, this.#parts.registry.exempt),
      }));
    for (const { gate } of this.#gates) gate.close();
    for (const { gate } of this.#gates) {
      for (const response of gate.holding()) this.ages.note(response);
    }
  }

  /** Upgraded and TCP connections are not read either: their messages may change state. */
  stillOthers(): void {
    this.#stilled = this.#unregistered();
    for (const socket of this.#stilled) stopReading(socket);
  }

  /** Everything goes on where it was. */
  open(): void {
    this.#releasing = false;
    this.#closed = false;
    clearInterval(this.#follow);
    for (const { gate } of this.#gates.splice(0)) gate.open();
    for (const carrier of this.#carriers) carrier.open();
    for (const socket of this.#stilled.splice(0)) resumeReading(socket);
  }

  /** Connections that are open here, of whatever kind. */
  get openCount(): number {
    return this.#left().length;
  }

  /** Requests and messages under way. */
  holders(): Holder[] {
    const requests = this.#gates.flatMap(({ gate }) => gate.holding());
    return [
      ...requests.map(
        (response): Holder => ({
          kind: "request",
          name: `${response.req.method} ${response.req.url}`,
          ageMs: this.ages.of(response),
        }),
      ),
      ...this.#carriers.flatMap((carrier) => carrier.holders()),
    ];
  }

  /** Resolves when nothing holds the freeze, or once it is over anyway. */
  whenFree(): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.#closed && this.holders().length > 0) return;
        clearInterval(timer);
        resolve();
      };
      const timer = setInterval(check, FREE_CHECK_MS);
      for (const { gate } of this.#gates) gate.onChange = check;
      check();
    });
  }

  /** Sends what can go now; from here on each connection follows as soon as it can. */
  async release(): Promise<WorkerReplies["releaseConnections"]> {
    this.#releasing = true;
    for (const socket of this.#stilled.splice(0)) resumeReading(socket);
    for (const { gate, listening } of this.#gates) {
      if (!gate.carries) gate.serveLast();
      else gate.onChange = () => this.#sendMovable(gate, listening);
      gate.onChange();
    }
    this.#follow = setInterval(() => this.#sendRegistered(), FREE_CHECK_MS);
    this.#sendRegistered();
    await Promise.all(this.#sending);
    this.#endEventStreams();
    return { carried: this.#carried, left: this.#left().length };
  }

  /**
   * A stop: nobody follows. Each connection ends with the response that is under way on it, idle
   * ones at once. WebSockets and TCP connections are left to the application's own SIGTERM handler.
   */
  async endHere(drainMs: number): Promise<WorkerReplies["drain"]> {
    this.close();
    for (const { gate } of this.#gates) gate.serveLast();
    this.#endEventStreams();
    const busy = () => this.#gates.flatMap(({ gate }) => gate.connections.filter((c) => !c.gone));
    const atFirst = busy().length;
    const deadline = performance.now() + drainMs;
    for (;;) {
      for (const { listening } of this.#gates) closeIdle(listening.server);
      if (busy().length === 0 || performance.now() >= deadline) break;
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
    }
    const lost = busy().length;
    return { drained: atFirst - Math.min(atFirst, lost), lost };
  }

  /** Waits for what is left, at most drainMs, then ends it. */
  async drain(drainMs: number): Promise<WorkerReplies["drain"]> {
    const before = this.#carried;
    const atFirst = this.#left().length;
    const deadline = performance.now() + drainMs;
    while (this.#left().length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
    }
    await Promise.all(this.#sending);
    clearInterval(this.#follow);
    for (const carrier of this.#carriers) carrier.end();
    const rest = this.#left();
    const lost = rest.filter((socket) => socket._httpMessage && !socket._httpMessage.writableEnded);
    for (const socket of rest) this.#end(socket);
    const followed = this.#carried - before;
    return { drained: Math.max(0, atFirst - followed - lost.length), lost: lost.length };
  }

  #sendRegistered(): void {
    for (const carrier of this.#carriers) {
      carrier.sendMovable((meta, socket) => {
        const key = this.#keyOf(socket);
        if (key) this.#send({ ...meta, key, quietSinceMs: quietSinceMs(socket) }, socket);
      });
    }
  }

  #keyOf(socket: SocketInternals): ListenKey | undefined {
    const server = socket._server ?? socket.server;
    return this.#parts.listeners.all.find((listening) => listening.server === server)?.key;
  }

  #sendMovable(gate: HttpGate, listening: Listening): void {
    if (!this.#releasing) return;
    for (const connection of gate.movable()) {
      const { socket } = connection;
      const head = gate.take(connection);
      const meta: ConnectionMeta = {
        kind: "http",
        key: listening.key,
        quietSinceMs: quietSinceMs(socket),
      };
      if (head.length > 0) meta.head = head;
      this.#send(meta, socket);
    }
  }

  #send(meta: ConnectionMeta, socket: SocketInternals): void {
    const handle = takeHandle(socket);
    this.#carried += 1;
    const sent = this.#parts.channel
      .sendWithHandle({ type: "connection", meta }, handle)
      .catch(() => {})
      .finally(() => {
        // The kernel holds a reference for the message; this process is done with it.
        handle.close();
        this.#sending.delete(sent);
      });
    this.#sending.add(sent);
  }

  #left(): SocketInternals[] {
    const gated = this.#gates.flatMap(({ gate }) => gate.connections.map(({ socket }) => socket));
    return [...gated, ...this.#others()].filter((socket) => !socket.destroyed);
  }

  #others(): SocketInternals[] {
    return otherSockets(new Set(this.#parts.listeners.all.map(({ server }) => server)));
  }

  #unregistered(): SocketInternals[] {
    const registered = new Set(this.#carriers.flatMap((carrier) => carrier.sockets()));
    return this.#others().filter((socket) => !registered.has(socket));
  }

  #endEventStreams(): void {
    for (const socket of this.#left()) {
      const response = socket._httpMessage;
      const type = String(response?.getHeader("content-type") ?? "");
      if (!type.startsWith("text/event-stream")) continue;
      setTimeout(() => response!.end(), Math.random() * SPREAD_MS);
    }
  }

  #end(socket: SocketInternals): void {
    const webSocket = webSocketOf(socket);
    if (webSocket) webSocket.close(RESTART_CODE, "service restart");
    else socket.end();
    if (!webSocket) socket.destroySoon();
  }
}

/** The `ws` object of an upgraded socket, registered or not. */
function webSocketOf(
  socket: SocketInternals,
): { close(code: number, why: string): void } | undefined {
  const symbol = Object.getOwnPropertySymbols(socket).find(
    ({ description }) => description === "websocket",
  );
  return (
    symbol &&
    (socket as unknown as Record<symbol, { close(code: number, why: string): void }>)[symbol]
  );
}

function closeIdle(server: object): void {
  (server as Partial<Server>).closeIdleConnections?.();
}
