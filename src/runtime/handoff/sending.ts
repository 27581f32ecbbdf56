/** Connections on their way out of this process, to the next generation in another one. */
import type { ConnectionMeta } from "../../protocol/connections.ts";
import type { Listening } from "../listen/listening.ts";
import type { EventSink } from "../node/channel.ts";
import { quietSinceMs, takeHandle } from "../node/frozenSockets.ts";
import type { RawHandle } from "../node/internals.ts";
import type { Departures } from "./departures.ts";
import type { HttpGate } from "./httpGate.ts";
import { TimeSlices } from "./timeSlices.ts";

const MOVES_A_TURN = 20;
const REPORT_MS = 10;
/** All have been let go of by then, most often: to close a handle takes as long as to let go of it. */
const CLOSE_AFTER_MS = 20;

/** What travels with an HTTP connection. */
export interface HttpData {
  hasServed: boolean;
}

export class Sending {
  readonly #channel: EventSink;
  readonly #inFlight = new Set<Promise<void>>();
  #carried = 0;
  #unreported = 0;
  /** Straight to the next generation; without it the supervisor passes everything on. */
  departures: Departures | undefined;
  readonly #slices = new TimeSlices();
  /** The next generation has these handles too, and reads them by now. */
  readonly #released: RawHandle[] = [];

  constructor(channel: EventSink) {
    this.#channel = channel;
  }

  get carried(): number {
    return this.#carried;
  }

  /** What late requests had to say to connections that have gone. */
  get hasUnsent(): boolean {
    return this.departures !== undefined && !this.departures.isEmpty;
  }

  done(): Promise<unknown> {
    return Promise.all(this.#inFlight);
  }

  /**
   * Without a handle: the next generation hears of a connection that has ended meanwhile. What is
   * returned is to be waited for before the next one, so that others have their turn.
   */
  send(meta: ConnectionMeta, handle: RawHandle | undefined): Promise<void> | undefined {
    if (this.departures?.takesHandles) return this.#sendStraight(this.departures, meta, handle);
    return this.#sendByRelay(meta, handle);
  }

  #sendStraight(
    departures: Departures,
    meta: ConnectionMeta,
    handle: RawHandle | undefined,
  ): Promise<void> | undefined {
    if (meta.isAhead && handle !== undefined) {
      departures.release(meta);
      this.#closeLater(handle);
      this.#carried += 1;
      this.#report();
      return this.#slices.end();
    }
    const leaving = departures.send(meta, handle);
    if (leaving === undefined || handle === undefined) return this.#slices.end();
    this.#carried += 1;
    const sent = leaving
      .then(
        () => this.#report(),
        // It has not left: the supervisor can still pass it on.
        () => this.#sendByRelay(meta, handle, true),
      )
      .finally(() => {
        handle.close();
        this.#inFlight.delete(sent);
      });
    this.#inFlight.add(sent);
    return this.#slices.end();
  }

  #closeLater(handle: RawHandle): void {
    this.#released.push(handle);
    if (this.#released.length === 1) setTimeout(() => this.#closeReleased(), CLOSE_AFTER_MS);
  }

  async #closeReleased(): Promise<void> {
    for (const handle of this.#released.splice(0)) {
      handle.close();
      const turn = this.#slices.end();
      if (turn) await turn;
    }
  }

  #report(): void {
    this.#unreported += 1;
    if (this.#unreported > 1) return;
    setTimeout(() => {
      this.#channel.send({ type: "sent", connections: this.#unreported });
      this.#unreported = 0;
    }, REPORT_MS);
  }

  #sendByRelay(meta: ConnectionMeta, handle: RawHandle | undefined, again = false): Promise<void> {
    if (handle === undefined) {
      this.#channel.send({ type: "connection", meta });
      return Promise.resolve();
    }
    const relayed = this.#channel
      .sendWithHandle({ type: "connection", meta }, handle)
      .then(() => this.departures?.relayed(meta))
      .catch(() => {});
    if (again) return relayed;
    this.#carried += 1;
    const sent = relayed.finally(() => {
      // The kernel holds a reference for the message; this process is done with it.
      handle.close();
      this.#inFlight.delete(sent);
    });
    this.#inFlight.add(sent);
    return sent;
  }

  /**
   * Sends what can go now, and from here on whatever can, as long as `goesOn`. Resolves when the
   * first ones are under way.
   */
  follow(gate: HttpGate, listening: Listening, goesOn: () => boolean): Promise<void> {
    let move: Promise<void> | undefined;
    gate.onChange = () => {
      move ??= this.#sendMovable(gate, listening, goesOn).finally(() => {
        move = undefined;
      });
    };
    gate.onChange();
    return move ?? Promise.resolve();
  }

  async #sendMovable(gate: HttpGate, { key }: Listening, goesOn: () => boolean): Promise<void> {
    let count = 0;
    for (const connection of gate.movable()) {
      if (!goesOn()) return;
      if (connection.gone) continue;
      const { socket } = connection;
      const data: HttpData = { hasServed: connection.hasServed };
      const head = gate.take(connection);
      const meta: ConnectionMeta = { kind: "http", key, data, quietSinceMs: quietSinceMs(socket) };
      if (head.length > 0) meta.head = head;
      void this.send(meta, takeHandle(socket));
      count += 1;
      // Requests may still be under way here: thousands of connections are not to hold them up.
      if (count % MOVES_A_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
