/**
 * The connections of a generation that is left for one in another process: sent there, or brought
 * to their end here.
 *
 *   freeze() ─► announce() ─► move() ─► drain()     an upgrade
 *                                       drain()     a stop: nobody takes over
 */
import { listenKeyText } from "../../protocol/listenKey.ts";
import type { WorkerReplies } from "../../protocol/worker.ts";
import { handoffWay } from "../carry/way.ts";
import { responseOf } from "../node/fields.ts";
import type { HandlePipe } from "../node/handlePipe.ts";
import { answerLast } from "../node/http.ts";
import type { SocketInternals } from "../node/internals.ts";
import { closeSpread, closeWithin } from "./closing.ts";
import { countsOf, isCutShort } from "./cut.ts";
import { Departures } from "./departures.ts";
import type { Leaving, LeavingParts } from "./leaving.ts";
import { isPlainTcp, isWebSocket } from "./otherSockets.ts";
import { drainOwnWorkers } from "./ownWorkers.ts";
import { Sending } from "./sending.ts";
import type { Gated } from "./traffic.ts";

/** How long a close may take to reach its client. */
const CLOSE_MS = 1_500;
const CHECK_MS = 5;
const CHECK_MOST_MS = 250;

export class Outgoing implements Leaving {
  readonly #parts: LeavingParts;
  readonly #sending: Sending;
  #hasMoved = false;

  constructor(parts: LeavingParts) {
    this.#parts = parts;
    this.#sending = new Sending(parts.channel);
  }

  freeze(): void {
    this.#parts.listeners.freeze();
    this.#parts.traffic.freeze(handoffWay);
  }

  goOn(): void {
    this.#hasMoved = false;
  }

  get size(): number {
    return this.#parts.traffic.connections.size;
  }

  /** From now on connections leave straight for the next generation. */
  departBy(pipe: HandlePipe, slot: number, isAnswering: () => boolean): void {
    this.#sending.departures?.close();
    this.#sending.departures = new Departures(pipe, slot, isAnswering);
  }

  /** Before the freeze: the next generation gets to know them. */
  async introduce(): Promise<number> {
    const { departures } = this.#sending;
    return departures === undefined ? 0 : this.#parts.carriers.introduce(departures);
  }

  /** Tells the next generation of every registered connection; nothing is changed by it. */
  async announce(): Promise<number> {
    const { departures } = this.#sending;
    if (departures === undefined) return 0;
    await this.#parts.carriers.whenSaid();
    const count = this.#parts.carriers.announce(departures);
    departures.toldAll(count);
    return count;
  }

  /** Sends what can go now; from here on each connection follows as soon as it can. */
  async move(
    stateless: boolean,
    listens?: readonly string[],
  ): Promise<WorkerReplies["moveConnections"]> {
    const { listeners, traffic, carriers, eventSources } = this.#parts;
    listeners.freeze();
    traffic.freezeRequests();
    this.#hasMoved = true;
    const before = this.#sending.carried;
    const goes = ({ gate, listening }: Gated) =>
      gate.carries && (listens?.includes(listenKeyText(listening.key)) ?? true);
    const staying = new Set(traffic.gates.filter((it) => !goes(it)).map(({ gate }) => gate));
    const waited = traffic.waited((gate) => staying.has(gate));
    // One whose upgrade was under way may be a registered WebSocket by now.
    traffic.thawOthers((socket) => !carriers.owns(socket));
    // HTTP by way of a server that is none: see takesConnections.
    for (const socket of traffic.connections.unregistered()) answerLast(socket);
    const moves = traffic.gates.map(({ gate, listening }) => {
      if (staying.has(gate)) return gate.serveLast();
      return this.#sending.follow(gate, listening, () => this.#hasMoved);
    });
    for (const sessions of traffic.http2.values()) sessions.end(stateless);
    await carriers.move((meta, handle) => this.#sending.send(meta, handle), handoffWay);
    await Promise.all(moves);
    await this.#sending.done();
    eventSources.end(this.#left().map((socket) => responseOf(socket)));
    return {
      carried: this.#sending.carried - before,
      left: this.#left().length,
      waited: await waited,
    };
  }

  async drain(drainMs: number, webSocketDrainMs?: number): Promise<WorkerReplies["drain"]> {
    const { listeners, traffic, carriers, eventSources } = this.#parts;
    listeners.freeze();
    await Promise.all([listeners.datagrams.finish(drainMs), drainOwnWorkers(drainMs)]);
    const before = this.#sending.carried;
    const atFirst = traffic.connections.size;
    if (!this.#hasMoved) this.#endIdle();
    const isToClose = this.#hasMoved && webSocketDrainMs !== undefined;
    const closed = isToClose ? closeWithin(traffic.unregistered(), webSocketDrainMs) : 0;
    await this.#emptyWithin(drainMs);
    carriers.thaw();
    const comesBack = (socket: SocketInternals) => eventSources.has(responseOf(socket));
    const lost = this.#left().filter((socket) => isCutShort(socket) && !comesBack(socket));
    const streams = [...traffic.http2.values()].flatMap((sessions) => sessions.destroy());
    const counts = countsOf(lost, closed, streams);
    closeSpread(this.#left());
    await this.#emptyWithin(CLOSE_MS);
    for (const socket of this.#left()) socket.destroy();
    const followed = this.#sending.carried - before;
    return { drained: Math.max(0, atFirst - followed - counts.lost), ...counts };
  }

  /**
   * A stop: what has nothing under way ends now, the rest after its response. Plain TCP connections
   * are left to the application's own SIGTERM handler.
   */
  #endIdle(): void {
    const { traffic, eventSources } = this.#parts;
    traffic.freezeRequests();
    for (const { gate } of traffic.gates) gate.serveLast({ endIdle: true });
    for (const sessions of traffic.http2.values()) sessions.end(true);
    for (const sessions of traffic.http2.values()) sessions.destroyIdle();
    closeSpread(traffic.connections.others().filter(isWebSocket));
    eventSources.end(this.#left().map((socket) => responseOf(socket)));
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
    const { isFrozen, gates, connections } = this.#parts.traffic;
    const gated = isFrozen
      ? gates.flatMap(({ gate }) => gate.connections.map(({ socket }) => socket))
      : [];
    const others = connections.others().filter((socket) => this.#hasMoved || !isPlainTcp(socket));
    return [...new Set([...gated, ...others])].filter((socket) => !socket.destroyed);
  }
}
