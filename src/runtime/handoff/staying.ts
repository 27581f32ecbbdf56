/**
 * A generation that is left in a swap: what its code has begun it brings to its end, while the other
 * code serves in this process. Registered connections go over to it; answers under way and
 * unregistered sockets stay.
 *
 *   freeze() ─► switchOver() ─► move() ─► drain()
 */
import type { ServerResponse } from "node:http";
import { messageOf } from "../../contract/errors.ts";
import { until } from "../../platform/waiting.ts";
import type { WorkerReplies } from "../../protocol/worker.ts";
import type { Announcing, SendConnection } from "../carry/carrier.ts";
import { swapWay } from "../carry/way.ts";
import type { Listeners } from "../listen/listeners.ts";
import { isAtWork } from "../node/http.ts";
import type { SocketInternals } from "../node/internals.ts";
import type { Carriers } from "./carriers.ts";
import { closeSpread, closeWithin } from "./closing.ts";
import { countsOf, isCutShort } from "./cut.ts";
import type { Incoming } from "./incoming.ts";
import type { Leaving, LeavingParts } from "./leaving.ts";
import { isWebSocket } from "./otherSockets.ts";
import { TimeSlices } from "./timeSlices.ts";
import type { Traffic } from "./traffic.ts";

const CHECK_MS = 5;

/** The generation that takes over. */
export interface Successor {
  readonly listeners: Listeners;
  readonly traffic: Traffic;
  readonly carriers: Carriers;
  readonly incoming: Incoming;
}

export class Staying implements Leaving {
  readonly #parts: LeavingParts;
  #successor: Successor | undefined;
  #finishing = new Set<ServerResponse>();
  #unregistered = new Set<SocketInternals>();
  /** Connections that changed hands without being moved. */
  #stayed = 0;
  #waited = Promise.resolve(0);
  #carried = 0;

  constructor(parts: LeavingParts) {
    this.#parts = parts;
  }

  freeze(): void {
    this.#parts.listeners.freezeForSwap();
    this.#parts.traffic.freeze(swapWay());
  }

  /** The other generation is to be let go of. */
  goOn(): void {
    this.#successor = undefined;
  }

  get size(): number {
    return this.#parts.traffic.connections.accepted;
  }

  /** Old code has a request to answer yet. */
  get isAnswering(): boolean {
    return this.#parts.traffic.isAtWork || [...this.#finishing].some(isAtWork);
  }

  /** In one turn of the event loop, however many connections and however much state there is. */
  switchOver(to: Successor): void {
    const { traffic, carriers, listeners } = this.#parts;
    this.#successor = to;
    to.traffic.inheritFrom(traffic);
    carriers.freeze(swapWay());
    this.#begin();
    const begins = carriers.passAll(to.carriers, this.#announcingTo(to.incoming));
    traffic.handOver(() => {
      to.listeners.takeFrom(listeners);
      listeners.retire();
    });
    for (const begin of begins) begin();
  }

  #begin(): void {
    const { traffic, carriers } = this.#parts;
    this.#unregistered = new Set(traffic.others.filter((socket) => !carriers.owns(socket)));
    this.#countLeft();
    this.#stayed = traffic.connections.known;
    this.#waited = traffic.waited();
    this.#finishing = new Set(traffic.responses());
    for (const response of this.#finishing) {
      response.once("close", () => this.#finishing.delete(response));
    }
  }

  /** Of those that have to be built again. */
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
      follow: (id) => ({
        counts: () => this.isAnswering,
        send: (bytes) => expected.find(id)?.write(bytes),
      }),
    };
  }

  /** Registered connections go over, as they are where that is possible, each as soon as it can. */
  async move(): Promise<WorkerReplies["moveConnections"]> {
    const { carriers, incoming } = this.#successor!;
    incoming.allArrived();
    const slices = new TimeSlices();
    const adopt: SendConnection = async (meta, handle) => {
      if (handle !== undefined) this.#carried += 1;
      incoming.adopt(meta, handle);
      await slices.end();
    };
    await this.#parts.carriers.move(
      adopt,
      swapWay(carriers, () => slices.end()),
    );
    this.#parts.eventSources.end([...this.#finishing]);
    const waited = await this.#waited;
    const left = this.#countLeft();
    return { carried: this.#carried, left, waited, stayed: this.#stayed };
  }

  /** Waits for what the old code has begun. */
  async drain(drainMs: number, webSocketDrainMs?: number): Promise<WorkerReplies["drain"]> {
    const { listeners, carriers, eventSources } = this.#parts;
    await listeners.datagrams.finish(drainMs);
    const atFirst = this.#unregistered.size;
    const sockets = [...this.#unregistered].filter(isWebSocket);
    const closed = webSocketDrainMs === undefined ? 0 : closeWithin(sockets, webSocketDrainMs);
    await until(() => this.#countLeft() === 0, drainMs, CHECK_MS);
    carriers.thaw();
    const unfinished = [...this.#finishing].filter((one) => !eventSources.has(one));
    const lost = [
      ...unfinished.map(({ socket }) => socket as SocketInternals | null),
      ...[...this.#unregistered].filter(isCutShort),
    ].filter((socket) => socket !== null);
    const counts = countsOf(lost, closed);
    for (const response of this.#finishing) response.destroy();
    closeSpread([...this.#unregistered, ...carriers.left]);
    return { drained: Math.max(0, atFirst - lost.length + unfinished.length), ...counts };
  }

  forget(): void {
    this.goOn();
    this.#unregistered.clear();
    this.#finishing.clear();
  }

  #countLeft(): number {
    const { traffic, carriers } = this.#parts;
    const beneath = traffic.connections.beneathTls();
    for (const socket of this.#unregistered) {
      if (socket.destroyed || beneath.has(socket)) this.#unregistered.delete(socket);
    }
    return this.#unregistered.size + this.#finishing.size + carriers.left.length;
  }
}
