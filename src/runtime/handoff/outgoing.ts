/**
 * The connections of a generation that is being left: held still for a freeze, sent to the next
 * generation, or brought to their end here.
 *
 *   close()    ─► open()                      freeze, thaw
 *   close()    ─► announce() ─► release() ─► drain()        an upgrade
 *                              drain()        a stop: nobody takes over
 *   close()    ─► switchOver() ─► releaseTo() ─► drainHere()        a swap
 */
import { messageOf } from "../../contract/errors.ts";
import type { HotRegistry } from "../../hot/registry.ts";
import type { ConnectionMeta, Holder, WorkerReplies } from "../../protocol/worker.ts";
import type { Announcing } from "../carry/carrier.ts";
import type { Listeners } from "../listen/listeners.ts";
import type { Listening } from "../listen/listening.ts";
import type { EventSink } from "../node/channel.ts";
import { responseOf } from "../node/fields.ts";
import type { HandlePipe } from "../node/handlePipe.ts";
import {
  connectionsOf,
  type HttpServerInternals,
  type RawHandle,
  type SocketInternals,
} from "../node/internals.ts";
import { resumeReading, stopReading } from "../node/quiet.ts";
import { Ages } from "./ages.ts";
import type { Carriers } from "./carriers.ts";
import { closeSpread, closeWithin } from "./closing.ts";
import { isCutShort, namesOfCut } from "./cut.ts";
import { Departures } from "./departures.ts";
import { EventSources } from "./eventSources.ts";
import { Http2Sessions, isHttp2Server } from "./http2.ts";
import { HttpGate } from "./httpGate.ts";
import type { Incoming } from "./incoming.ts";
import { OpenConnections, serversOf } from "./openConnections.ts";
import { isPlainTcp, isWebSocket, rememberSecured } from "./otherSockets.ts";
import { Sending } from "./sending.ts";
import { Staying } from "./staying.ts";

/** How long a close may take to reach its client. */
const CLOSE_MS = 1_500;
const CHECK_MS = 5;
const CHECK_MOST_MS = 250;

export interface OutgoingParts {
  channel: EventSink;
  listeners: Listeners;
  registry: HotRegistry;
  /** Of the registered WebSocket and TCP servers. */
  carriers: Carriers;
}

/** Of another generation in this process. */
interface Parts {
  carriers: Carriers;
  incoming: Incoming;
}

interface Gated {
  gate: HttpGate;
  listening: Listening;
}

export class Outgoing {
  readonly #parts: OutgoingParts;
  /** What is open, whoever has it. */
  readonly connections: OpenConnections;
  readonly ages: Ages;
  #gates: Gated[] = [];
  readonly #http2 = new Map<object, Http2Sessions>();
  /** Neither HTTP nor registered; not read while frozen. */
  #stilled: SocketInternals[] = [];
  #closed = false;
  #released = false;
  readonly #sending: Sending;
  readonly #staying: Staying;
  readonly #eventSources: EventSources;

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
    const { channel, listeners, carriers, registry } = parts;
    this.#eventSources = new EventSources(registry.reconnects);
    this.connections = new OpenConnections(listeners, carriers, this.#http2);
    this.#sending = new Sending(channel);
    this.#staying = new Staying(this.connections, carriers, this.#eventSources);
    listeners.onServer = (server) => {
      rememberSecured(server);
      if (isHttp2Server(server) && !this.#http2.has(server)) {
        this.#http2.set(server, new Http2Sessions(server));
      }
    };
    this.ages = new Ages(() => [...this.connections.servers]);
  }

  /** From here on no request reaches the application. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const sessions of this.#http2.values()) sessions.close();
    this.#gates = this.#parts.listeners.all.flatMap((listening) =>
      serversOf(listening)
        .filter((server) => connectionsOf(server) !== undefined)
        .map((server) => ({
          listening,
          gate: new HttpGate(server as HttpServerInternals, this.#parts.registry.exempt),
        })),
    );
    for (const { gate } of this.#gates) gate.close();
    for (const { gate } of this.#gates) {
      for (const response of gate.holding()) this.ages.note(response);
    }
  }

  /** Upgraded and TCP connections are not read either: their messages may change state. */
  stillOthers({ inPlace }: { inPlace: boolean }): void {
    if (inPlace) this.#parts.carriers.hold();
    else this.#parts.carriers.still();
    this.#stilled = this.connections.unregistered();
    for (const socket of this.#stilled) stopReading(socket);
  }

  /** Everything goes on where it was. */
  open(): void {
    this.#released = false;
    this.#closed = false;
    for (const { gate } of this.#gates.splice(0)) gate.open();
    this.#parts.carriers.open();
    for (const sessions of this.#http2.values()) sessions.open();
    for (const socket of this.#stilled.splice(0)) resumeReading(socket);
  }

  /** From now on connections leave straight for the next generation. */
  departBy(pipe: HandlePipe, slot: number): void {
    this.#sending.departures?.close();
    this.#sending.departures = new Departures(pipe, slot, () => this.isAnswering());
  }

  /** Tells the next generation of every registered connection; nothing is changed by it. */
  announce(): number {
    const { departures } = this.#sending;
    if (departures === undefined) return 0;
    const count = this.#parts.carriers.announce(departures);
    departures.toldAll(count);
    return count;
  }

  /** A request that began here is still at work: what it sends, whoever has the connection, counts. */
  isAnswering(): boolean {
    return this.#staying.isAnswering || this.#gates.some(({ gate }) => gate.isAtWork);
  }

  /** Messages under way, and requests unless they may finish in it. */
  holders({ requests: hold = true } = {}): Holder[] {
    const requests = !hold ? [] : this.#gates.flatMap(({ gate }) => gate.holding());
    return [
      ...requests.map(
        (response): Holder => ({
          kind: "request",
          name: `${response.req.method} ${response.req.url}`,
          ageMs: this.ages.of(response),
        }),
      ),
      ...this.#parts.carriers.holders(),
      ...(hold ? [...this.#http2.values()].flatMap((sessions) => sessions.holders()) : []),
    ];
  }

  /** Resolves when nothing holds the freeze, or once it is over anyway. */
  whenFree(holders: () => Holder[]): Promise<void> {
    return new Promise((resolve) => {
      const { carriers } = this.#parts;
      const check = () => {
        if (this.#closed && holders().length > 0) return;
        clearInterval(timer);
        // It looks at all of them: not once more for each that leaves.
        carriers.onChange = () => {};
        resolve();
      };
      const timer = setInterval(check, CHECK_MS);
      for (const { gate } of this.#gates) gate.onChange = check;
      carriers.onChange = check;
      check();
    });
  }

  /**
   * Sends what can go now; from here on each connection follows as soon as it can. `stateless`:
   * what cannot go may still be served here.
   */
  async release(stateless: boolean): Promise<WorkerReplies["releaseConnections"]> {
    this.#released = true;
    const waited = this.#gates.reduce((sum, { gate }) => sum + gate.heldCount, 0);
    for (const socket of this.#stilled.splice(0)) {
      // One whose upgrade was under way may be a registered WebSocket by now.
      if (!this.#parts.carriers.owns(socket)) resumeReading(socket);
    }
    const moves = this.#gates.map(({ gate, listening }) => {
      if (!gate.carries) return gate.serveLast();
      return this.#sending.follow(gate, listening, () => this.#released);
    });
    for (const sessions of this.#http2.values()) sessions.end(stateless);
    await this.#parts.carriers.release((meta, handle) => this.#sending.send(meta, handle));
    await Promise.all(moves);
    await this.#sending.done();
    this.#eventSources.end(this.#left().map((socket) => responseOf(socket)));
    return { carried: this.#sending.carried, left: this.#left().length, waited };
  }

  /**
   * In place: what waits goes on in the generation that `takeOver` puts in charge. What the old
   * code has begun to answer it answers to the end.
   */
  switchOver(to: Parts, takeOver: () => void): void {
    const { carriers } = this.#parts;
    carriers.hold();
    const gates = this.#gates.splice(0).map(({ gate }) => gate);
    const gated = gates.flatMap(({ connections }) => connections);
    this.#staying.begin({
      sockets: this.#closed ? this.#stilled : this.connections.unregistered(),
      responses: this.connections.responses(
        new Map(gated.map((one) => [one.socket, one.response])),
      ),
      waited: gates.reduce((sum, gate) => sum + gate.heldCount, 0),
    });
    const begins = carriers.passAll(to.carriers, this.#announcingTo(to.incoming));
    for (const gate of gates) gate.unhook();
    for (const sessions of this.#http2.values()) sessions.unhook();
    takeOver();
    this.#closed = false;
    for (const gate of gates) gate.flush();
    for (const sessions of this.#http2.values()) sessions.flush();
    for (const socket of this.#stilled.splice(0)) resumeReading(socket);
    for (const begin of begins) begin();
  }

  /** In place: those that have to be built again. */
  #announcingTo({ expected }: Incoming): Announcing {
    let lastId = 0;
    return {
      nextId: () => ++lastId,
      tell: (meta) => {
        try {
          expected.add(meta);
        } catch (error) {
          const text = `a carried connection was not taken: 'connection': ${messageOf(error)}`;
          this.#parts.channel.send({ type: "notice", text });
        }
      },
      follow: (id) => (bytes) => {
        if (this.isAnswering()) expected.find(id)?.write(bytes);
      },
    };
  }

  /** In place: HTTP/2 sessions stay with the server that has them, whoever serves. */
  inheritFrom(other: Outgoing): void {
    for (const [server, sessions] of other.#http2) {
      if (sessions.size > 0) this.#http2.set(server, sessions);
    }
  }

  /** In place, after `switchOver`: see Staying. */
  releaseTo(
    to: Carriers,
    adopt: (meta: ConnectionMeta, handle: RawHandle | undefined) => void,
  ): Promise<WorkerReplies["releaseConnections"]> {
    return this.#staying.releaseTo(to, adopt);
  }

  drainHere(drainMs: number, webSocketDrainMs?: number): Promise<WorkerReplies["drain"]> {
    return this.#staying.drain(drainMs, webSocketDrainMs);
  }

  /** Nothing of this process's life holds it any more. */
  unload(): void {
    this.ages.stop();
    this.#http2.clear();
    this.#staying.forget();
  }

  /** Waits for what is left, at most drainMs, then ends it. */
  async drain(drainMs: number, webSocketDrainMs?: number): Promise<WorkerReplies["drain"]> {
    const before = this.#sending.carried;
    const atFirst = this.connections.size;
    if (!this.#released) this.#endIdle();
    const isToClose = this.#released && webSocketDrainMs !== undefined;
    const closed = isToClose ? closeWithin(this.unregistered(), webSocketDrainMs) : 0;
    await this.#emptyWithin(drainMs);
    this.#parts.carriers.open();
    const lost = this.#left().filter((socket) => isCutShort(socket) && !this.#comesBack(socket));
    const cut = namesOfCut(lost);
    for (const sessions of this.#http2.values()) sessions.destroy();
    closeSpread(this.#left());
    await this.#emptyWithin(CLOSE_MS);
    for (const socket of this.#left()) socket.destroy();
    const followed = this.#sending.carried - before;
    const drained = Math.max(0, atFirst - followed - lost.length);
    const counts = { drained, lost: lost.length, ...(closed > 0 ? { closed } : {}) };
    return cut.length > 0 ? { ...counts, cut } : counts;
  }

  /** WebSockets that nothing carries. */
  unregistered(): SocketInternals[] {
    return this.connections.unregistered().filter(isWebSocket);
  }

  /**
   * A stop: what has nothing under way ends now, the rest after its response. Plain TCP connections
   * are left to the application's own SIGTERM handler.
   */
  #endIdle(): void {
    this.close();
    for (const { gate } of this.#gates) gate.serveLast({ endIdle: true });
    for (const sessions of this.#http2.values()) sessions.end(true);
    for (const sessions of this.#http2.values()) sessions.destroy();
    closeSpread(this.connections.others().filter(isWebSocket));
    this.#eventSources.end(this.#left().map((socket) => responseOf(socket)));
  }

  #comesBack(socket: SocketInternals): boolean {
    return this.#eventSources.has(responseOf(socket));
  }

  async #emptyWithin(ms: number): Promise<void> {
    const start = performance.now();
    let passedMs = 0;
    while (passedMs < ms && (this.#left().length > 0 || this.#sending.hasUnsent)) {
      // Looking at thousands of sockets takes its time: the longer it lasts, the less often.
      const waitMs = Math.min(CHECK_MS + passedMs / 20, CHECK_MOST_MS, ms - passedMs);
      await new Promise((resolve) => setTimeout(resolve, waitMs));
      passedMs = performance.now() - start;
    }
    await this.#sending.done();
  }

  #left(): SocketInternals[] {
    const gated = this.#closed
      ? this.#gates.flatMap(({ gate }) => gate.connections.map(({ socket }) => socket))
      : [];
    const others = this.connections
      .others()
      .filter((socket) => this.#released || !isPlainTcp(socket));
    return [...new Set([...gated, ...others])].filter((socket) => !socket.destroyed);
  }
}
