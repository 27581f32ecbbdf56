/** Connections on their way out of this process, to the next generation in another one. */
import type { ConnectionMeta } from "../../protocol/worker.ts";
import type { Listening } from "../listen/listening.ts";
import type { EventSink } from "../node/channel.ts";
import type { RawHandle } from "../node/internals.ts";
import { quietSinceMs, takeHandle } from "../node/quiet.ts";
import type { HttpGate } from "./httpGate.ts";

const MOVES_A_TURN = 20;

/** What travels with an HTTP connection. */
export interface HttpData {
  hasServed: boolean;
}

export class Sending {
  readonly #channel: EventSink;
  readonly #underWay = new Set<Promise<void>>();
  #carried = 0;

  constructor(channel: EventSink) {
    this.#channel = channel;
  }

  get carried(): number {
    return this.#carried;
  }

  done(): Promise<unknown> {
    return Promise.all(this.#underWay);
  }

  /** Without a handle: the next generation hears of a connection that has ended meanwhile. */
  send(meta: ConnectionMeta, handle: RawHandle | undefined): Promise<void> {
    if (handle === undefined) {
      this.#channel.send({ type: "connection", meta });
      return Promise.resolve();
    }
    this.#carried += 1;
    const sent = this.#channel
      .sendWithHandle({ type: "connection", meta }, handle)
      .catch(() => {})
      .finally(() => {
        // The kernel holds a reference for the message; this process is done with it.
        handle.close();
        this.#underWay.delete(sent);
      });
    this.#underWay.add(sent);
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
