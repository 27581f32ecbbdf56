/**
 * A swap: what the old code of a process has begun, it brings to its end, while the new code serves.
 * Registered connections go over to it; answers under way and unregistered sockets stay.
 */
import type { ServerResponse } from "node:http";
import type { ConnectionMeta, WorkerReplies } from "../../protocol/worker.ts";
import type { CarrierIdentity, SendConnection } from "../carry/carrier.ts";
import { isAtWork } from "../node/http.ts";
import type { RawHandle, SocketInternals } from "../node/internals.ts";
import type { Carriers } from "./carriers.ts";
import { closeSpread, closeWithin } from "./closing.ts";
import { isCutShort, namesOfCut } from "./cut.ts";
import type { EventSources } from "./eventSources.ts";
import type { OpenConnections } from "./openConnections.ts";
import { isWebSocket } from "./otherSockets.ts";
import { TimeSlices } from "./timeSlices.ts";

const CHECK_MS = 5;

type Adopt = (meta: ConnectionMeta, handle: RawHandle | undefined) => void;

export class Staying {
  readonly #open: OpenConnections;
  readonly #carriers: Carriers;
  readonly #eventSources: EventSources;
  #finishing = new Set<ServerResponse>();
  #unregistered = new Set<SocketInternals>();
  /** Connections that changed hands without being moved. */
  #stayed = 0;
  #waited = 0;
  #carried = 0;

  constructor(open: OpenConnections, carriers: Carriers, eventSources: EventSources) {
    this.#eventSources = eventSources;
    this.#open = open;
    this.#carriers = carriers;
  }

  /** Old code has a request to answer yet. */
  get isAnswering(): boolean {
    return [...this.#finishing].some(isAtWork);
  }

  /** At the takeover. `waited`: requests that were held back for the new code. */
  begin(what: { sockets: SocketInternals[]; responses: ServerResponse[]; waited: number }): void {
    this.#unregistered = new Set(what.sockets.filter((socket) => !this.#carriers.owns(socket)));
    this.#countLeft();
    this.#stayed = this.#open.known;
    this.#waited = what.waited;
    this.#finishing = new Set(what.responses);
    for (const response of this.#finishing) {
      response.once("close", () => this.#finishing.delete(response));
    }
  }

  /**
   * Registered connections go over, as they are where that is possible, each as soon as it can.
   * `adopt`: what had to be taken apart.
   */
  async releaseTo(to: Carriers, adopt: Adopt): Promise<WorkerReplies["releaseConnections"]> {
    const slices = new TimeSlices();
    const onPassed = () => slices.end();
    const carrierFor = (identity: CarrierIdentity) => to.find(identity);
    const adoptHere: SendConnection = async (meta, handle) => {
      if (handle !== undefined) this.#carried += 1;
      adopt(meta, handle);
      await slices.end();
    };
    await this.#carriers.release(adoptHere, { carrierFor, onPassed });
    this.#eventSources.end([...this.#finishing]);
    const left = this.#countLeft();
    return { carried: this.#carried, left, waited: this.#waited, stayed: this.#stayed };
  }

  /** Waits for what the old code has begun, at most drainMs, then ends it. */
  async drain(drainMs: number, webSocketDrainMs?: number): Promise<WorkerReplies["drain"]> {
    const atFirst = this.#unregistered.size;
    const sockets = [...this.#unregistered].filter(isWebSocket);
    const closed = webSocketDrainMs === undefined ? 0 : closeWithin(sockets, webSocketDrainMs);
    const deadline = performance.now() + drainMs;
    while (this.#countLeft() > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
    }
    this.#carriers.open();
    const unfinished = [...this.#finishing].filter((one) => !this.#eventSources.has(one));
    const lost = [
      ...unfinished.map(({ socket }) => socket as SocketInternals | null),
      ...[...this.#unregistered].filter(isCutShort),
    ].filter((socket) => socket !== null);
    const cut = namesOfCut(lost);
    for (const response of this.#finishing) response.destroy();
    closeSpread([...this.#unregistered, ...this.#carriers.left]);
    const drained = Math.max(0, atFirst - lost.length + unfinished.length);
    const counts = { drained, lost: lost.length, ...(closed > 0 ? { closed } : {}) };
    return cut.length > 0 ? { ...counts, cut } : counts;
  }

  forget(): void {
    this.#unregistered.clear();
    this.#finishing.clear();
  }

  #countLeft(): number {
    const beneath = this.#open.beneathTls();
    for (const socket of this.#unregistered) {
      if (socket.destroyed || beneath.has(socket)) this.#unregistered.delete(socket);
    }
    return this.#unregistered.size + this.#finishing.size + this.#carriers.left.length;
  }
}
