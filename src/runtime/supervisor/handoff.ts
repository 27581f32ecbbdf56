/** From the workers of one generation to others: sockets and state travel, processes end. */
import { announceConnections, introduceConnections, layConnectionPipes } from "./announce.ts";
import { carryState } from "./carryState.ts";
import type { Generation, Slot } from "./generation.ts";
import { retireSlots, terminateWorker } from "./retire.ts";
import { createStatePipe, type StatePipe } from "./statePipe.ts";
import type { Supervisor } from "./supervisor.ts";
import type { CarryOptions, Drain, Leftover, Retired, Takeover } from "./takeover.ts";
import type { Unsteady } from "./unsteady.ts";
import type { WorkerHandle } from "./workerHandle.ts";

const ABANDON_MS = 1_000;

export class Handoff implements Takeover {
  readonly isByReference = false;
  protected readonly supervisor: Supervisor;
  protected readonly next: Generation;
  /** A pipe that is there already is no part of the pause. */
  readonly #pipes = new Map<WorkerHandle, StatePipe>();

  constructor(supervisor: Supervisor, next: Generation) {
    this.supervisor = supervisor;
    this.next = next;
  }

  async load(processes: readonly string[], mode: "standby" | "active"): Promise<void> {
    this.supervisor.slots.spawn(this.next, mode, (process) => processes.includes(process));
    await this.supervisor.slots.waitReady(this.next);
  }

  async prepare(slots: readonly Slot[]): Promise<void> {
    await Promise.all(
      slots.map(async ({ worker }) => this.#pipes.set(worker, await createStatePipe())),
    );
  }

  connect(from: Generation, to: Generation): Promise<void> {
    return layConnectionPipes(from, to);
  }

  introduce(from: Generation, to: Generation): Promise<void> {
    return introduceConnections(from, to);
  }

  announce(from: Generation, to: Generation, unsteady: Unsteady): Promise<void> {
    return announceConnections(from, to, unsteady);
  }

  async carry(from: WorkerHandle, to: WorkerHandle, how: CarryOptions) {
    const pipe = this.#pipes.get(from);
    this.#pipes.delete(from);
    return carryState(from, to, { ...how, pipe });
  }

  retire(slots: readonly Slot[], drain: Drain): Promise<Retired> {
    // Of one that had died before its state was asked for.
    this.#closePipes();
    return retireSlots(slots, drain);
  }

  async abandon(slots: readonly Slot[]): Promise<Leftover[]> {
    this.end();
    await Promise.all(slots.map(({ worker }) => terminateWorker(worker, ABANDON_MS)));
    return [];
  }

  end(): void {
    this.#closePipes();
  }

  #closePipes(): void {
    for (const pipe of this.#pipes.values()) pipe.close();
    this.#pipes.clear();
  }

  async takeOver(): Promise<void> {}
}
