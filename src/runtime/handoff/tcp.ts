/** The connections of one registered `net` server, in the generation that is being left. */
import type { Server } from "node:net";
import type { CarryOptions } from "../../hot/types.ts";
import type { Holder } from "../../protocol/worker.ts";
import type { SocketInternals } from "../worker/node-internals.ts";
import type { Carrier, Send } from "./carrier.ts";
import { readAll } from "./http-head.ts";
import { isQuiet, resumeReading, stopReading } from "./quiet.ts";
import { UnderWay } from "./under-way.ts";

export class TcpSockets implements Carrier {
  readonly #options: CarryOptions<object>;
  readonly #index: number;
  readonly #sockets = new Map<SocketInternals, UnderWay>();

  constructor(server: Server, options: CarryOptions<object>, index: number) {
    this.#options = options;
    this.#index = index;
    server.prependListener("connection", (socket: SocketInternals) => {
      const underWay = new UnderWay();
      underWay.watch(socket, "data");
      this.#sockets.set(socket, underWay);
      socket.on("close", () => this.#sockets.delete(socket));
    });
  }

  sockets(): SocketInternals[] {
    return [...this.#sockets.keys()];
  }

  close(): void {
    for (const socket of this.#sockets.keys()) stopReading(socket);
  }

  open(): void {
    for (const socket of this.#sockets.keys()) resumeReading(socket);
  }

  holders(): Holder[] {
    return [...this.#sockets]
      .filter(([, underWay]) => underWay.count > 0)
      .map(([socket, { ageMs }]) => {
        const name = `data from ${socket.remoteAddress}:${socket.remotePort}`;
        return { kind: "socket", name, ageMs };
      });
  }

  sendMovable(canMove: (socket: SocketInternals) => boolean, send: Send): void {
    for (const [socket, underWay] of this.#sockets) {
      if (underWay.count > 0 || socket.writableLength > 0 || !canMove(socket)) continue;
      stopReading(socket);
      if (!isQuiet(socket) || socket.readableEnded || socket.writableEnded) continue;
      const saved = this.#options.save?.(socket);
      const head = readAll(socket);
      this.#sockets.delete(socket);
      socket.removeAllListeners();
      send({ kind: "tcp", server: this.#index, head, data: { saved } }, socket);
    }
  }
}
