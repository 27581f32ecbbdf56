/**
 * How one generation takes over from another. The steps of an upgrade ask for these operations and
 * do not know which way it is: between processes (handoff.ts), there with a new supervisor as well
 * (replace.ts), or within the processes that serve (swap.ts).
 */
import type { CarriedState } from "../../protocol/states.ts";
import type { Generation, Slot } from "./generation.ts";
import type { Unsteady } from "./unsteady.ts";
import type { WorkerHandle } from "./workerHandle.ts";

/** What of a generation can still run when it is gone. */
export interface Leftover {
  what: string;
  /** Of which one, where its process goes on: health checks say of it until it is gone. */
  generation?: number;
}

/** Of the timeouts of the version that is left. */
export interface Drain {
  drainMs: number;
  webSocketDrainMs?: number;
}

export interface Retired {
  drained: number;
  lost: number;
  /** WebSockets of servers that are not registered. */
  closed: number;
  /** Names of the lost. */
  cut?: string[];
  leftovers: Leftover[];
  /** What had to be ended with it: child processes, and itself where SIGTERM was not enough. */
  ended?: string[];
}

export interface CarryOptions {
  timeoutMs: number;
  /** No rehearsal has seen what the migration makes of it. */
  check?: boolean;
}

/** What may be absent has nothing to do: in a swap, connections change hands as the objects that they are. */
export interface Takeover {
  /** State goes on as it is: nothing is copied, so a migration must not change what it is given. */
  readonly isByReference: boolean;
  /** Brings workers of these processes up; resolves when all are ready. `active`: they begin at once. */
  load(processes: readonly string[], mode: "standby" | "active"): Promise<void>;
  /** While the old generation serves: what would only make the pause longer. */
  prepare?(slots: readonly Slot[]): Promise<void>;
  /** A way for connections from each worker to the one that follows it, there or back. */
  connect?(from: Generation, to: Generation): Promise<void>;
  /** While the old generation serves: the new one gets to know its connections. */
  introduce?(from: Generation, to: Generation): Promise<void>;
  /** All open connections of registered servers are with the other generation, ahead of their sockets. */
  announce?(from: Generation, to: Generation, unsteady: Unsteady): Promise<void>;
  /** All states of one worker into another, there or back. */
  carry(from: WorkerHandle, to: WorkerHandle, how: CarryOptions): Promise<CarriedState[]>;
  /** Ends what has served. Never throws: what fails on the way only makes it shorter. */
  retire(slots: readonly Slot[], drain: Drain): Promise<Retired>;
  /** Ends what was loaded and has never served; what was prepared goes too. */
  abandon(slots: readonly Slot[]): Promise<Leftover[]>;
  /** The new generation was given up, and is retired: nothing else of it may stay. */
  end(): void;
  /** After the commit: `run/` becomes a new supervisor's. */
  takeOver?(): Promise<void>;
}
