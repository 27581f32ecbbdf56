/** A way to a port of this machine on which every byte is counted and takes its time, as over a network. */
import { connect, createServer, type Socket } from "node:net";

export class Link {
  /** One way. */
  delayMs = 0;
  /** Both ways. */
  bytes = 0;
  readonly #server;
  readonly #sockets = new Set<Socket>();

  static async open(port: number): Promise<Link> {
    const link = new Link(port);
    await new Promise<void>((resolve) => link.#server.listen(0, "127.0.0.1", resolve));
    return link;
  }

  private constructor(port: number) {
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
      const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
      this.#pass(near, far);
      this.#pass(far, near);
    });
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("data", (chunk) => {
      this.bytes += chunk.length;
      this.#later(() => to.write(chunk));
    });
    from.on("end", () => this.#later(() => to.end()));
    from.on("error", () => to.destroy());
    from.on("close", () => this.#sockets.delete(from));
  }

  #later(then: () => void): void {
    if (this.delayMs === 0) then();
    else setTimeout(then, this.delayMs);
  }
}
