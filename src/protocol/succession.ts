/**
 * How one supervisor is replaced by another (`replace`: tsugi or the supervisor's Node differs).
 * The old one drives; the new one is its child until it takes over.
 *
 *   old supervisor (Successor)                     new supervisor (Predecessor)
 *   ──────────────────────────                     ─────────────────────────────────────────
 *   spawn, with `succession` in TSUGI_SUPERVISOR
 *   listener {key} + handle, for each       ──►    keeps the sockets
 *   load                                    ──►    spawns the new generation on standby
 *                                           ◄──    spawned {slots}
 *                                           ◄──    event {worker, event} (+ handle): all that they say
 *   request {worker, request} (+ handle)    ──►    passed on to that worker
 *   … freeze, carry, activate, connections, probation, commit: the old one's loop …
 *   takeOver                                ──►    pid, lock, control link become its own
 *                                           ◄──    tookOver
 *   retires its workers, reports, exits
 *
 * If the old one is gone before `takeOver`, the new one ends itself and its workers: the next start
 * boots the permanent release. Requests of the old one carry ids from FORWARDED_IDS on, so that
 * replies find their way.
 */
import type { ListenKey } from "./listenKey.ts";
import type { WorkerEvent, WorkerRequest } from "./worker.ts";

export const FORWARDED_IDS = 1_000_000_000;

/** Part of TSUGI_SUPERVISOR of a successor. */
export interface Succession {
  generation: number;
  previous: string;
  /** Processes of the release that listen. */
  listening?: readonly string[];
}

export type ToSuccessor =
  /** With the listening handle. */
  | { type: "listener"; key: ListenKey }
  /** `late`: processes that are not to be loaded yet. */
  | { type: "load"; late: string[] }
  | { type: "loadLate" }
  /** May have a handle. */
  | { type: "request"; worker: number; request: WorkerRequest }
  | { type: "kill"; worker: number; signal: NodeJS.Signals }
  | { type: "takeOver" };

export type FromSuccessor =
  | { type: "spawned"; slots: { worker: number; process: string; index: number; pid: number }[] }
  | { type: "failed"; message: string }
  /** May have a handle. */
  | { type: "event"; worker: number; event: WorkerEvent }
  | { type: "exit"; worker: number; code: number | null; signal: NodeJS.Signals | null }
  | { type: "tookOver" };
