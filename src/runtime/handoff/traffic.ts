/**
 * What comes to a generation by its connections: requests, streams, messages, bytes. Frozen, nothing
 * new of it reaches the application; thawed, all goes on where it was.
 */
import type { ServerResponse } from "node:http";
import type { Registrations } from "../../hot/registrations.ts";
import type { Holder } from "../../protocol/worker.ts";
import type { Way } from "../carry/way.ts";
import type { Listeners } from "../listen/listeners.ts";
import type { Listening } from "../listen/listening.ts";
import { freezeSocket, thawSocket } from "../node/frozenSockets.ts";
import { takesConnections } from "../node/http.ts";
import {
  connectionsOf,
  type HttpServerInternals,
  type SocketInternals,
} from "../node/internals.ts";
import { Ages } from "./ages.ts";
import type { Carriers } from "./carriers.ts";
import { Http2Sessions, isHttp2Server } from "./http2.ts";
import { HttpGate } from "./httpGate.ts";
import { OpenConnections, serversOf } from "./openConnections.ts";
import { isWebSocket, rememberSecured } from "./otherSockets.ts";

const CHECK_MS = 5;

export interface Gated {
  gate: HttpGate;
  listening: Listening;
}

export class Traffic {
  /** What is open, whoever has it. */
  readonly connections: OpenConnections;
  readonly ages: Ages;
  readonly http2 = new Map<object, Http2Sessions>();
  gates: Gated[] = [];
  isFrozen = false;
  readonly #listeners: Listeners;
  readonly #carriers: Carriers;
  readonly #registrations: Registrations;
  /** Neither HTTP nor registered; not read while frozen. */
  #others: SocketInternals[] = [];

  constructor(listeners: Listeners, carriers: Carriers, registrations: Registrations) {
    this.#listeners = listeners;
    this.#carriers = carriers;
    this.#registrations = registrations;
    this.connections = new OpenConnections(listeners, carriers, this.http2);
    this.ages = new Ages(() => [...this.connections.servers]);
    listeners.onServer = (server) => {
      rememberSecured(server);
      if (isHttp2Server(server) && !this.http2.has(server)) {
        this.http2.set(server, new Http2Sessions(server));
      }
    };
  }

  /** Upgraded and TCP connections are not read either: their messages may change state. */
  freeze(way: Way): void {
    this.freezeRequests();
    this.#carriers.freeze(way);
    this.#others = this.connections.unregistered();
    for (const socket of this.#others) freezeSocket(socket);
  }

  freezeRequests(): void {
    if (this.isFrozen) return;
    this.isFrozen = true;
    for (const sessions of this.http2.values()) sessions.freeze();
    this.gates = this.#listeners.all.flatMap((listening) =>
      serversOf(listening)
        .filter((server) => connectionsOf(server) !== undefined)
        .map((server) => ({
          listening,
          gate: new HttpGate(
            server as HttpServerInternals,
            this.#registrations.exempt,
            // Of a server that was swapped out no listener is left to tell it by; and requests of both
            // come to this one, so what goes for one gate has to go for all.
            takesConnections(listening.server),
          ),
        })),
    );
    for (const { gate } of this.gates) gate.freeze();
    for (const { gate } of this.gates) {
      for (const response of gate.holding()) this.ages.note(response);
    }
  }

  /** @returns how many requests it has held back */
  thaw(): Promise<number> {
    const waited = this.waited();
    this.isFrozen = false;
    for (const { gate } of this.gates.splice(0)) gate.thaw();
    this.#carriers.thaw();
    for (const sessions of this.http2.values()) sessions.thaw();
    this.thawOthers();
    return waited;
  }

  thawOthers(isWanted: (socket: SocketInternals) => boolean = () => true): void {
    for (const socket of this.#others.splice(0)) if (isWanted(socket)) thawSocket(socket);
  }

  /** Neither HTTP nor registered, as it was at the freeze. */
  get others(): readonly SocketInternals[] {
    return this.isFrozen ? this.#others : this.connections.unregistered();
  }

  /** WebSockets that nothing carries. */
  unregistered(): SocketInternals[] {
    return this.connections.unregistered().filter(isWebSocket);
  }

  /** A request that began here is still at work. */
  get isAtWork(): boolean {
    return this.gates.some(({ gate }) => gate.isAtWork);
  }

  /**
   * Requests that came in since the freeze, of those that are answered here: those that are sent on
   * are counted where they arrive. To be called in the turn in which they are let go of.
   */
  async waited(isHere: (gate: HttpGate) => boolean = () => true): Promise<number> {
    const streams = [...this.http2.values()].map(({ waitingCount }) => waitingCount);
    const gates = this.gates.map(({ gate }) => gate).filter(isHere);
    const all = await Promise.all([...streams, ...gates.map((gate) => gate.waited())]);
    return all.reduce((sum, count) => sum + count, 0);
  }

  /** Messages under way, and requests unless they may finish in a freeze. */
  holders({ requests = true } = {}): Holder[] {
    const messages = this.#carriers.holders();
    return requests ? [...this.#requests(), ...messages, ...this.#streams()] : messages;
  }

  #requests(): Holder[] {
    return this.gates
      .flatMap(({ gate }) => gate.holding())
      .map((response) => ({
        kind: "request",
        name: `${response.req.method} ${response.req.url}`,
        ageMs: this.ages.of(response),
      }));
  }

  #streams(): Holder[] {
    return [...this.http2.values()].flatMap((sessions) => sessions.holders());
  }

  /** Under way in the application. */
  responses(): ServerResponse[] {
    const gated = this.gates.flatMap(({ gate }) => gate.connections);
    return this.connections.responses(new Map(gated.map((one) => [one.socket, one.response])));
  }

  /** Resolves when nothing holds the freeze, or once it is over anyway. */
  whenFree(holders: () => Holder[]): Promise<void> {
    return new Promise((resolve) => {
      const carriers = this.#carriers;
      const check = () => {
        if (this.isFrozen && holders().length > 0) return;
        clearInterval(timer);
        // It looks at all of them: not once more for each that leaves.
        carriers.onChange = () => {};
        resolve();
      };
      const timer = setInterval(check, CHECK_MS);
      for (const { gate } of this.gates) gate.onChange = check;
      carriers.onChange = check;
      check();
    });
  }

  /** In a swap: what waits goes on in the generation that `takeOver` puts in charge. */
  handOver(takeOver: () => void): void {
    const gates = this.gates.splice(0).map(({ gate }) => gate);
    for (const gate of gates) gate.unhook();
    for (const sessions of this.http2.values()) sessions.unhook();
    takeOver();
    this.isFrozen = false;
    for (const gate of gates) gate.flush();
    for (const sessions of this.http2.values()) sessions.flush();
    this.thawOthers();
  }

  /** In a swap: HTTP/2 sessions stay with the server that has them, whoever serves. */
  inheritFrom(other: Traffic): void {
    for (const [server, sessions] of other.http2) {
      if (sessions.size > 0) this.http2.set(server, sessions);
    }
  }

  /** Nothing of this process's life holds it any more. */
  unload(): void {
    this.ages.stop();
    this.http2.clear();
  }
}
