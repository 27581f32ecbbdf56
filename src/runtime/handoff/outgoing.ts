/**
 * The connections of a generation that is being left: held still for a freeze, sent to the next
 * generation, or brought to their end here.
 */
import type { ServerResponse } from "node:http";
import type { HotRegistry } from "../../hot/registry.ts";
import type { ConnectionMeta, Holder, WorkerReplies } from "../../protocol/worker.ts";
import type { SupervisorChannel } from "../worker/channel.ts";
import type { Listeners } from "../worker/listeners.ts";
import type { Listening } from "../worker/listening.ts";
import {
  connectionsOf,
  type HttpServerInternals,
  type SocketInternals,
} from "../worker/node-internals.ts";
import { Ages } from "./ages.ts";
import { HttpGate } from "./http-gate.ts";
import { otherSockets } from "./other-sockets.ts";
import { quietSinceMs, resumeReading, stopReading, takeHandle } from "./quiet.ts";

/** Event streams are ended over this long: their clients come back at once, but not all at once. */
const SPREAD_MS = 2_000;
const CHECK_MS = 20;

export interface OutgoingParts {
  channel: SupervisorChannel;
  listeners: Listeners;
  registry: HotRegistry;
}

export class Outgoing {
  readonly #parts: OutgoingParts;
  readonly ages: Ages;
  #gates: { gate: HttpGate; listening: Listening }[] = [];
  /** Not HTTP; not read while frozen. */
  #stilled: SocketInternals[] = [];
  #releasing = false;
  #carried = 0;
  #sending = new Set<Promise<void>>();

  constructor(parts: OutgoingParts) {
    this.#parts = parts;
    this.ages = new Ages(() => parts.listeners.all.map(({ server }) => server));
  }

  /** From here on no request reaches the application. */
  close(): void {
    if (this.#gates.length > 0) return;
    this.#gates = this.#parts.listeners.all
      .filter(({ server }) => connectionsOf(server) !== undefined)
      .map((listening) => ({
        listening,
        gate: new HttpGate(listening.server as HttpServerInternals, this.#parts.registry.exempt),
      }));
    for (const { gate } of this.#gates) gate.close();
    for (const response of this.holding()) this.ages.note(response);
  }

  /** Upgraded and TCP connections are not read either: their messages may change state. */
  stillOthers(): void {
    this.#stilled = this.#others();
    for (const socket of this.#stilled) stopReading(socket);
  }

  /** Everything goes on where it was. */
  open(): void {
    this.#releasing = false;
    for (const { gate } of this.#gates.splice(0)) gate.open();
    for (const socket of this.#stilled.splice(0)) resumeReading(socket);
  }

  holding(): ServerResponse[] {
    return this.#gates.flatMap(({ gate }) => gate.holding());
  }

  holders(): Holder[] {
    return this.holding().map((response) => ({
      kind: "request",
      name: `${response.req.method} ${response.req.url}`,
      ageMs: this.ages.of(response),
    }));
  }

  /** Resolves when no response holds the freeze. */
  whenFree(): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (this.holding().length === 0) resolve();
      };
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
    await Promise.all(this.#sending);
    this.#endEventStreams();
    return { carried: this.#carried, left: this.#left().length };
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
    const rest = this.#left();
    const lost = rest.filter((socket) => socket._httpMessage && !socket._httpMessage.writableEnded);
    for (const socket of rest) this.#end(socket);
    const followed = this.#carried - before;
    return { drained: Math.max(0, atFirst - followed - lost.length), lost: lost.length };
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

  #endEventStreams(): void {
    for (const socket of this.#left()) {
      const response = socket._httpMessage;
      const type = String(response?.getHeader("content-type") ?? "");
      if (!type.startsWith("text/event-stream")) continue;
      setTimeout(() => response!.end(), Math.random() * SPREAD_MS);
    }
  }

  #end(socket: SocketInternals): void {
    socket.end();
    socket.destroySoon();
  }
}
