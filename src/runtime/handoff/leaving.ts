/**
 * How a generation is left: for one in another process (outgoing.ts), or for one in this process
 * (staying.ts). Who drives it asks for these operations and does not know which way it is.
 */
import type { WorkerReplies } from "../../protocol/worker.ts";
import type { Listeners } from "../listen/listeners.ts";
import type { EventSink } from "../node/channel.ts";
import type { Carriers } from "./carriers.ts";
import type { EventSources } from "./eventSources.ts";
import type { Traffic } from "./traffic.ts";

export interface LeavingParts {
  channel: EventSink;
  listeners: Listeners;
  carriers: Carriers;
  traffic: Traffic;
  eventSources: EventSources;
}

export interface Leaving {
  /** Nothing new reaches the application. Undone by its listeners' `accept` and its traffic's `thaw`. */
  freeze(): void;
  /** It serves after all, or again. */
  goOn(): void;
  /** Open connections, however they are counted without a cost. */
  readonly size: number;
  /**
   * Connections go to who takes over, each as soon as it can. `stateless`: others are served here.
   * `listens`: where it does; without: wherever this one does.
   */
  move(stateless: boolean, listens?: readonly string[]): Promise<WorkerReplies["moveConnections"]>;
  /** Waits for what is left, at most drainMs, then ends it. */
  drain(drainMs: number, webSocketDrainMs?: number): Promise<WorkerReplies["drain"]>;
}
