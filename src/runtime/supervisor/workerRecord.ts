/**
 * `run/workers`: which processes the next start has to end, should this supervisor be killed. While
 * one takes over from another, it is the other's.
 */
import { identityOf, isAlive, type ProcessIdentity } from "../../platform/processes.ts";
import type { Layout } from "../../release/layout.ts";
import { recordedWorkers, recordWorkers, workersRecorded } from "./runFiles.ts";

const AGAIN_MS = 1_000;

export class WorkerRecord {
  readonly #layout: Layout;
  readonly #live: () => number[];
  readonly #onError: (error: unknown) => void;
  #isOurs = true;
  /** Of a predecessor: they end a little later. */
  #inherited: ProcessIdentity[] = [];

  constructor(layout: Layout, live: () => number[], onError: (error: unknown) => void) {
    this.#layout = layout;
    this.#live = live;
    this.#onError = onError;
  }

  async write(): Promise<void> {
    if (!this.#isOurs) return;
    this.#inherited = this.#inherited.filter(isAlive);
    const workers = [...this.#live().map(identityOf), ...this.#inherited];
    await recordWorkers(this.#layout, workers).catch((error) => {
      this.#onError(error);
      // A full disk: once it has room again, the record is to be right.
      setTimeout(() => void this.write(), AGAIN_MS).unref();
    });
  }

  /** It is another supervisor's: of the predecessor, or of the successor from now on. */
  async leave(): Promise<void> {
    this.#isOurs = false;
    await workersRecorded();
  }

  /** It is ours, with what the other one has written. */
  async keep(): Promise<void> {
    this.#inherited = await recordedWorkers(this.#layout);
    this.#isOurs = true;
    await this.write();
  }
}
