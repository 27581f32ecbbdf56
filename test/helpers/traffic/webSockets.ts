import { once } from "node:events";
import WebSocket from "ws";
import { type Tally, TrafficError } from "./tally.ts";
import { type Clients, pause, runClients, type Target } from "./workload.ts";

export interface WebSocketOptions {
  clients: number;
  pauseMs: number;
  /** Default /feed. */
  path?: string;
  compress?: boolean;
}

const ANSWER_TIMEOUT_MS = 15_000;

/**
 * Clients of a feed that numbers its events, as examples/admiral-stats-api has one. Each listens,
 * and now and then asks for a pong; it counts what it misses and how often it must connect again.
 *
 *   server: {type: "welcome", sequence}   {type: "result", sequence, …}   {type: "pong", id, version}
 *   client: {type: "ping", id}            connects with ?after=<sequence>
 */
export function webSocketClients(
  target: Target,
  tally: Tally,
  options: WebSocketOptions,
): Clients & { ready: Promise<void> } {
  const viewers = Array.from({ length: options.clients }, () => new Viewer(target, tally, options));
  const ready = Promise.all(viewers.map((viewer) => viewer.connect())).then(() => {});
  const clients = runClients(options.clients, async (number, signal) => {
    const viewer = viewers[number]!;
    await ready.catch(() => {});
    for (let count = 0; !signal.aborted; count += 1) {
      await viewer.ping(`ws-${number}-${count}`);
      await pause(options.pauseMs, signal);
    }
    await viewer.close();
  });
  return { ...clients, ready };
}

class Viewer {
  readonly #target: Target;
  readonly #tally: Tally;
  readonly #options: WebSocketOptions;
  #socket: WebSocket | undefined;
  #last: number | undefined;
  #waiting: { id: string; done: () => void } | undefined;
  #closing = false;

  constructor(target: Target, tally: Tally, options: WebSocketOptions) {
    this.#target = target;
    this.#tally = tally;
    this.#options = options;
  }

  async connect(): Promise<void> {
    const { host, port } = this.#target;
    const path = this.#options.path ?? "/feed";
    const query = this.#last === undefined ? "" : `?after=${this.#last}`;
    const socket = new WebSocket(`ws://${host}:${port}${path}${query}`, {
      perMessageDeflate: this.#options.compress ?? false,
    });
    this.#socket = socket;
    socket.on("message", (data) => this.#read(JSON.parse(String(data))));
    try {
      await once(socket, "open");
    } catch (error) {
      this.#socket = undefined;
      throw new TrafficError("refused", String(error));
    }
    socket.on("error", () => {});
    socket.on("close", (code) => this.#closed(code));
  }

  /** Sends a ping and waits for its pong, over a new connection where the old one was closed. */
  async ping(id: string): Promise<void> {
    this.#tally.sent(id);
    const pong = new Promise<void>((done) => {
      this.#waiting = { id, done };
    });
    const timer = setTimeout(() => {
      this.#fail(id, new TrafficError("unanswered", `no pong within ${ANSWER_TIMEOUT_MS} ms`));
    }, ANSWER_TIMEOUT_MS);
    try {
      if (!this.#socket) await this.connect();
      this.#sendPing(id);
    } catch (error) {
      this.#fail(id, error);
    }
    await pong;
    clearTimeout(timer);
  }

  async close(): Promise<void> {
    this.#closing = true;
    const socket = this.#socket;
    if (!socket || socket.readyState === WebSocket.CLOSED) return;
    const closed = once(socket, "close");
    socket.close();
    const timer = setTimeout(() => socket.terminate(), 2_000);
    await closed;
    clearTimeout(timer);
  }

  #sendPing(id: string): void {
    this.#socket?.send(JSON.stringify({ type: "ping", id }));
  }

  #fail(id: string, error: unknown): void {
    if (this.#waiting?.id !== id) return;
    this.#tally.failed(id, error);
    this.#settle();
  }

  #settle(): void {
    this.#waiting?.done();
    this.#waiting = undefined;
  }

  #read(message: { type: string; sequence: number; id: string; version: string }): void {
    if (message.type === "welcome") this.#last = message.sequence;
    if (message.type === "result") this.#follow(message.sequence);
    if (message.type === "pong") {
      this.#tally.answered(message.id, message.version);
      if (this.#waiting?.id === message.id) this.#settle();
    }
  }

  #follow(sequence: number): void {
    const expected = (this.#last ?? sequence - 1) + 1;
    if (sequence > expected) {
      this.#tally.missed(sequence - expected, `after ${expected - 1} came ${sequence}`);
    }
    if (sequence < expected) this.#tally.disordered(`after ${expected - 1} came ${sequence}`);
    this.#last = Math.max(sequence, this.#last ?? 0);
  }

  /**
   * A clean close is a reconnect, and a ping without an answer is sent again, as a client would.
   * Any other end of the connection is a reset.
   */
  #closed(code: number): void {
    this.#socket = undefined;
    if (this.#closing) return;
    this.#tally.reconnected();
    const clean = code === 1000 || code === 1001 || code === 1012;
    const id = this.#waiting?.id;
    if (!clean) {
      if (id !== undefined) this.#fail(id, new TrafficError("reset", `closed with ${code}`));
    } else if (id !== undefined) {
      this.connect().then(
        () => this.#sendPing(id),
        (error) => this.#fail(id, error),
      );
    }
  }
}
