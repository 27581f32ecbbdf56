/**
 * What a supervisor and a worker say to each other, over the worker's IPC channel.
 *
 * Every message is wrapped as `{ cmd: "NODE_TSUGI", tsugi: <message> }`: Node delivers a `cmd` that
 * begins with `NODE_` as 'internalMessage', so the application's own `process.on("message")` never
 * sees it, and the channel does not keep an idle application alive. Handles (listening sockets,
 * connections, one end of a state pipe) travel as raw handles beside a message, so that no process
 * on the way begins to read.
 *
 *   supervisor (WorkerHandle)                      worker (Worker)
 *   ───────────────────────────                    ─────────────────────────────────────
 *   spawn, TSUGI_WORKER in the environment  ──►     preload, then the entry runs
 *                                           ◄──     listen {id, key}
 *   reply {id} + listening handle           ──►     'listening' fires; accepts if activated
 *                                           ◄──     ready {states, …}    (or failed)
 *   activate {id}                           ──►     accepts; hot.activate     ◄── reply {id}
 *   ── an upgrade, old generation ──
 *   freeze {id, timeoutMs}                  ──►     stops accepting; waits    ◄── reply | error
 *   sendState {id, wanted} + pipe           ──►     writes the states         ◄── reply
 *   pipe {direction} + pipe                 ──►     BetweenWorkers go through it, straight
 *   introduce {id}                          ──►     what does not change      ◄── reply
 *   announce {id}                           ──►     what is known of connections ◄── reply
 *   thaw {id}                               ──►     accepts again             ◄── reply
 *   moveConnections {id}                    ──►     connection {meta} + handle … then ◄── reply
 *   drain {id, drainMs}                     ──►     ends what is left         ◄── reply
 *   dispose {id}                            ──►     hot.dispose               ◄── reply
 *   ── an upgrade, new generation ──
 *   receiveState {id} + pipe                ──►     reads, migrates           ◄── reply | error
 *   pipe {direction} + pipe                 ──►     BetweenWorkers come through it
 *   awaitAnnounced {id}                     ──►     all of them are there      ◄── reply
 *   adopt {meta} + handle                   ──►     goes on with the connection
 *   allCarried                              ──►     those that have come are read from now on
 *
 *   ── a swap: both generations in this one process; each answers as above, and besides ──
 *   swapLoad {boot}                         ──►     loads while the old serves ◄── ready (or failed)
 *   swapCarry {id}                          ──►     state by reference        ◄── reply | error
 *   activate {id}                           ──►     takes sockets and waiting requests over
 *   moveConnections {id}, to the old        ──►     registered connections go over
 *   unload {id}                             ──►     lets go of the code       ◄── reply {running}
 *
 * An envelope with a `generation` is from or to that one; without: the one the process began with
 * or, when that is unloaded, the one that serves.
 *
 * A request carries an `id` and is answered by exactly one `reply` with the same id.
 */
import type { ErrorJson } from "../contract/errors.ts";
import type { AdoptedConnection, ConnectionMeta } from "./connections.ts";
import type { ListenKey } from "./listenKey.ts";
import type { SlotStatus } from "./report.ts";
import type { CarriedState, DeclaredState } from "./states.ts";

export const WORKER_PROTOCOL_FORMAT = 1;

export const ENVELOPE = "NODE_TSUGI";

export interface Envelope<T> {
  cmd: typeof ENVELOPE;
  tsugi: T;
  generation?: number;
}

/** In the environment variable TSUGI_WORKER (JSON); the worker deletes it before the app runs. */
export interface WorkerBoot {
  format: typeof WORKER_PROTOCOL_FORMAT;
  name: string;
  version: string;
  previous: string | null;
  process: string;
  slot: number;
  generation: number;
  strategy: "start" | "swap" | "handoff" | "replace";
  /** active: accept as soon as ready. standby: load only, wait for `activate`. rehearsal: never active. */
  mode: "active" | "standby" | "rehearsal";
  /** Absolute path of the entry, as in argv[1]. */
  entry: string;
  /** What follows it there. */
  args?: string[];
  /** What TSUGI_APP_DIR says; the working directory of whoever serves. */
  appDir?: string;
  readyAfterMs: number;
  /** Its code listens, or the version before it does: so long that is waited for instead. */
  listensWithinMs?: number;
}

/** Something that holds a freeze, for the error of one that ran out. */
export interface Holder {
  kind: "request" | "websocket" | "socket" | "hook";
  /** `GET /slow`, a hook's name … */
  name: string;
  ageMs: number;
}

/** What a worker says of itself when it is ready. */
export interface WorkerReady {
  states: DeclaredState[];
  usesHot: boolean;
  accepts: boolean;
  drainable: boolean;
  /** It can announce connections, and hear of them. */
  announces?: boolean;
  /** It can hear of them while the old generation serves. */
  introduces?: boolean;
  /** Servers are registered: their connections change hands within one pause, with state or without. */
  carries?: boolean;
  /** Where it answers HTTP without TLS: there a supervisor asks for its first answer. */
  http?: ListenKey[];
  /** It has `hot.freeze` hooks, so its consumers stop before those of its successor start. */
  freezes?: boolean;
}

// --- supervisor → worker ---------------------------------------------------------------------

export type WorkerRequest =
  | { type: "activate"; id: number }
  /**
   * `hooksOnly`: an app without state. It runs `hot.freeze` and, where servers are registered, takes
   * no new request and no message; but requests under way hold nothing, and finish in it.
   */
  | { type: "freeze"; id: number; timeoutMs: number; hooksOnly?: boolean }
  | { type: "thaw"; id: number }
  /**
   * With a pipe handle. `wanted`: versions the receiver declares, for the sender's `downgrade`.
   * `pure`: a step of that which changes its input is an error. `check`, here and below: no
   * rehearsal has looked whether what comes of it can be carried on.
   */
  | {
      type: "sendState";
      id: number;
      wanted: DeclaredState[];
      sliced?: boolean;
      pure?: boolean;
      check?: boolean;
    }
  /** With a pipe handle. */
  | { type: "receiveState"; id: number; check?: boolean }
  /** To the generation that gets the state of the one that serves in the same process. */
  | { type: "swapCarry"; id: number; check?: boolean }
  /** The generation was disposed of, or is not wanted: nothing here refers to it any more. */
  | { type: "unload"; id: number }
  /** While it serves: what does not change of them goes ahead, so that the pause has less to do. */
  | { type: "introduce"; id: number }
  /** Tells the next generation of all connections of registered servers, through the pipe. */
  | { type: "announce"; id: number }
  /** Answered when this generation has all that were announced, and its application too. */
  | { type: "awaitAnnounced"; id: number }
  /** `listens`: where the next generation does; what came in elsewhere stays. Without it: everywhere. */
  | { type: "moveConnections"; id: number; listens?: string[] }
  /**
   * Ends idle connections, waits for the others, at most drainMs; then ends them all. WebSockets that
   * are not carried are closed within webSocketDrainMs: two versions with rooms of their own.
   */
  | { type: "drain"; id: number; drainMs: number; webSocketDrainMs?: number }
  | { type: "dispose"; id: number }
  /** `measure`: and how busy it is. `turns`: only whether its event loop does; no check of the app's runs. */
  | { type: "health"; id: number; measure?: boolean; turns?: boolean }
  | { type: "evaluate"; id: number; expression: string; maxBytes?: number }
  | { type: "consoleOpen"; id: number; session: number; columns?: number; terminal: boolean }
  | { type: "consoleInput"; session: number; data: string | null }
  /** With a pipe handle. `out`: to the next generation. `in`: from the one that is left. */
  | { type: "pipe"; direction: "out" | "in" }
  /** With a connection handle. */
  | { type: "adopt"; meta: ConnectionMeta }
  /** After the last `adopt` but of connections that are busy still. */
  | { type: "allCarried" }
  /** Loads another generation beside the one that serves; it says `ready` or `failed`. */
  | { type: "swapLoad"; boot: WorkerBoot }
  /** Answer to the worker's `listen`: with a handle, or with the errno of the failed bind. */
  | { type: "listenReply"; id: number; errno?: number };

export type WorkerRequestWithReply = Exclude<
  WorkerRequest,
  { type: "consoleInput" | "pipe" | "adopt" | "allCarried" | "listenReply" | "swapLoad" }
>;

/** These wait for each other, so that none overtakes a connection that is on its way. */
export const movesConnections = ({ type }: WorkerRequest): boolean =>
  type === "adopt" || type === "allCarried";

/** The value of the `reply` to each request. */
export interface WorkerReplies {
  /** `listens`: by listenKeyText; not from a worker that is older. */
  activate: { listens?: string[] } | null;
  /** `connections`: open ones at the freeze. */
  freeze: { underWay: number; frozenAtMs: number; connections?: number };
  /** `waited`: requests that the freeze held back; `listens` as above. */
  thaw: { waited: number; listens?: string[] };
  /** `skipped`: with `sliced`, states that cannot be copied in slices, and why; they are not sent. */
  sendState: {
    states: { name: string; version: number; bytes: number; stallMs?: number }[];
    serializeMs: number;
    skipped?: { name: string; why: string }[];
  };
  receiveState: { states: CarriedState[] };
  swapCarry: { states: CarriedState[] };
  introduce: { introduced: number };
  announce: { announced: number };
  awaitAnnounced: { present: number };
  unload: { running: string[] };
  /** `carried` so far; `left`: busy ones that follow later; `waited`: requests that the pause held back. */
  /** `stayed`: a swap's, that changed hands without being moved. */
  moveConnections: { carried: number; left: number; waited?: number; stayed?: number };
  /**
   * `closed`: WebSockets of servers that are not registered; they are among the drained. `cut`: names
   * of the lost.
   */
  drain: { drained: number; lost: number; closed?: number; cut?: string[] };
  dispose: null;
  /** `running`: what generations that are gone have left in the process; `pending`: their memory. */
  health: {
    healthy: boolean;
    problem?: string;
    /** Of the release that its code is of. */
    version?: string;
    running?: string[];
    /** How many generations `running` is of. */
    leaking?: number;
    pending?: string[];
    /** Connections, where it was only asked whether it turns: lost, should it die. */
    open?: number;
    /** Open WebSockets of servers that are not registered. */
    unregistered?: number;
    /** UDP sockets that no other process can have. */
    unshared?: number;
    /** How many of `pending` have outlived full collections: something holds them. */
    retained?: number;
    measured?: Measured;
  };
  /** `totalBytes`: of the whole, where `text` is cut. */
  evaluate: { text: string; threw: boolean; totalBytes?: number };
  consoleOpen: null;
}

export type Measured = Pick<SlotStatus, "connections" | "eventLoop" | "requests">;

// --- worker → supervisor ---------------------------------------------------------------------

export type WorkerEvent =
  /** The first: what was said before it would have been heard by nobody. */
  | { type: "hears" }
  | { type: "reply"; id: number; value: unknown }
  | { type: "reply"; id: number; error: ErrorJson; holders?: Holder[] }
  | { type: "listen"; id: number; key: ListenKey; flags: number }
  | { type: "unlisten"; key: ListenKey }
  /** Listens on a socket that this process has for another generation. */
  | { type: "claim"; key: ListenKey }
  | ({ type: "ready" } & WorkerReady)
  /** A server was registered after that. */
  | { type: "carries" }
  /** The entry threw, or `prepare` rejected. */
  | { type: "failed"; error: ErrorJson }
  /** With a connection handle. */
  | { type: "connection"; meta: ConnectionMeta }
  /** That many connections have left through the pipe; the rest is counted where it passes. */
  | { type: "sent"; connections: number }
  /** Several at a time: with thousands of connections each message of its own is felt. */
  | { type: "adopted"; connections: AdoptedConnection[] }
  /** One that was carried is closed here: its client is to come back. Older workers don't say why. */
  | { type: "refused"; why?: string }
  | { type: "consoleOutput"; session: number; data: string }
  | { type: "consoleClosed"; session: number }
  /** The old generation's state was touched after the freeze: reported, never silent. */
  | { type: "lateAccess"; state: string }
  /** The app called process.exit, or forks processes of its own … for the plan and the report. */
  | { type: "notice"; text: string }
  /** Lines that it has thrown away, because the supervisor did not read for so long. */
  | { type: "outputLost"; count: number };
