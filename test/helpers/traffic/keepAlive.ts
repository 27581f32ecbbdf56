import { HttpConnection } from "./http1.ts";
import type { Tally } from "./tally.ts";
import { type Clients, pause, runClients, type Target, type Workload } from "./workload.ts";

export interface KeptOptions {
  clients: number;
  pauseMs: number;
  /** Requests written at once; their answers have to come in order. 1 = no pipelining. */
  pipelined?: number;
  /** Dribbles each request in this many pieces, a pause between them: a slow uploader. */
  pieces?: number;
  pieceMs?: number;
}

/**
 * Clients that keep one connection for all their requests: a pool of a proxy, another service.
 * Each notices when it has to connect again, and when more comes than it asked for.
 */
export function keepAliveClients(
  target: Target,
  workload: Workload,
  tally: Tally,
  options: KeptOptions,
): Clients {
  const { clients, pauseMs, pipelined = 1, pieces = 1, pieceMs = 20 } = options;

  return runClients(clients, async (number, signal) => {
    const kept = new KeptConnection(target, tally);
    for (let count = 0; !signal.aborted; count += pipelined) {
      const ids = Array.from(
        { length: pipelined },
        (_, n) => `${tally.kind}-${number}-${count + n}`,
      );
      for (const id of ids) tally.sent(id);
      const connection = await kept.connection().catch((error) => {
        for (const id of ids) tally.failed(id, error);
      });
      if (connection) await batch(connection, ids);
      await pause(pauseMs, signal);
    }
    await kept.close();
  });

  async function batch(connection: HttpConnection, ids: string[]): Promise<void> {
    const answers = ids.map((id) => answered(connection, id));
    const bytes = ids.map((id) => connection.encode(workload.request(id))).join("");
    if (connection.open) await dribble(connection, bytes);
    await Promise.all(answers);
  }

  async function answered(connection: HttpConnection, id: string): Promise<void> {
    try {
      tally.answered(id, workload.check(id, await connection.answer()));
    } catch (error) {
      tally.failed(id, error);
    }
  }

  async function dribble(connection: HttpConnection, bytes: string): Promise<void> {
    const size = Math.ceil(bytes.length / pieces);
    for (let at = 0; at < bytes.length; at += size) {
      if (at > 0) await new Promise((resolve) => setTimeout(resolve, pieceMs));
      connection.write(bytes.slice(at, at + size));
    }
  }
}

/** A connection that is opened anew when the server has closed it, which is counted. */
class KeptConnection {
  readonly #target: Target;
  readonly #tally: Tally;
  #connection: HttpConnection | undefined;

  constructor(target: Target, tally: Tally) {
    this.#target = target;
    this.#tally = tally;
  }

  async connection(): Promise<HttpConnection> {
    if (this.#connection?.open) return this.#connection;
    if (this.#connection) this.#tally.reconnected();
    await this.#connection?.close();
    this.#connection = undefined;
    this.#connection = await HttpConnection.open(this.#target);
    this.#connection.onUnasked = (text) => this.#tally.answeredTwice(text);
    return this.#connection;
  }

  async close(): Promise<void> {
    await this.#connection?.close();
  }
}
