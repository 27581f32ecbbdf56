/** What an application hears of a WebSocket, in its order: as long as that is frozen, it is kept. */
import { freezeSocket } from "../../node/frozenSockets.ts";
import type { Carrier } from "../carrier.ts";
import type { Connection } from "../connection.ts";
import type { InFlight } from "../inFlight.ts";
import { override } from "../override.ts";
import type { WebSocketInternals } from "./internals.ts";
import type { OpeningMessages } from "./openingMessages.ts";

/** Besides messages: what an application hears of a connection that may change its state. */
const KEPT_EVENTS = new Set(["close", "error", "ping", "pong"]);

type Observed = Connection & { webSocket: WebSocketInternals; inFlight: InFlight };

export class KeptEvents {
  /** What comes is kept from the application. */
  isFrozen: boolean;
  isGone = false;
  /** The events that came while it was frozen, in their order. */
  readonly kept: [event: string, parts: unknown[]][];
  /** The arguments of a 'close' that came while it was frozen. */
  closed: unknown[] | undefined;

  /** `given`: by another generation, in a swap. */
  constructor(given: Pick<KeptEvents, "kept" | "closed"> | undefined) {
    this.kept = given?.kept ?? [];
    this.closed = given?.closed;
    this.isFrozen = given !== undefined;
  }

  /**
   * The one place on the path of a message. 'close' is kept back while the connection is
   * frozen (the state has gone on: the next generation has to hear of it), and nothing of a
   * connection that has gone reaches the application: it did not end. Returns what undoes it.
   */
  observe(
    connection: Observed,
    carrier: Carrier,
    opening: OpeningMessages | undefined,
  ): () => void {
    const { webSocket, inFlight } = connection;
    const emit = webSocket.emit;
    const keeps = (event: string, parts: unknown[]) =>
      this.#keeps(connection, carrier, event, parts);
    return override(webSocket, "emit", ((event: string, ...parts: unknown[]) => {
      if (event === "message") {
        if (this.isFrozen) return this.#keep(connection, carrier, event, parts);
        if (opening?.hear(parts)) return true;
        return inFlight.emit(webSocket, event, parts);
      }
      if (KEPT_EVENTS.has(event) && keeps(event, parts)) return true;
      return Reflect.apply(emit, webSocket, [event, ...parts]);
    }) as typeof emit);
  }

  /** Until somebody has heard of it, nothing more is read: what is kept does not grow. */
  #keep(connection: Observed, carrier: Carrier, event: string, parts: unknown[]): true {
    this.kept.push([event, parts]);
    freezeSocket(connection.socket);
    carrier.onKept(connection);
    return true;
  }

  /** True: the application is not to see it (now). */
  #keeps(connection: Observed, carrier: Carrier, event: string, parts: unknown[]): boolean {
    if (this.isGone) return true;
    if (event !== "close") return this.isFrozen && this.#keep(connection, carrier, event, parts);
    if (this.isFrozen) {
      this.closed = parts;
      carrier.onChange();
      carrier.onKept(connection);
      return true;
    }
    carrier.remove(connection);
    return false;
  }
}
